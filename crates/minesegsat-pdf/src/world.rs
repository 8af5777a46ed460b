//! The files and fonts that a template sees.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::Value;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_kit::fonts::FontStore;

use crate::Document;

/// The fonts in the program.
static OWN_FONTS: LazyLock<FontStore> = LazyLock::new(own_fonts);
/// The fonts in the program, then those of the machine.
static ALL_FONTS: LazyLock<FontStore> = LazyLock::new(|| {
    let mut fonts = own_fonts();
    fonts.extend(typst_kit::fonts::system());
    fonts
});
static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(Library::default()));

fn own_fonts() -> FontStore {
    let mut fonts = FontStore::new();
    for bytes in [dejavu::sans_condensed::regular(), dejavu::sans_condensed::bold(), dejavu::sans_mono::regular()] {
        fonts.extend(Font::iter(Bytes::new(bytes)).map(|font| {
            let info = font.info().clone();
            (font, info)
        }));
    }
    fonts
}

/// Stands for a letter that no font has. PDF/A allows no text without a glyph.
const MISSING: char = '\u{25a1}';

/// What text may contain: the fonts, and whether letters that they lack must be replaced.
struct Letters {
    fonts: &'static FontStore,
}

impl Letters {
    /// The fonts in the program if they suffice for the texts, else those of the machine too.
    fn of<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Self {
        let own = Self { fonts: &OWN_FONTS };
        let suffice = texts.flat_map(str::chars).all(|letter| own.has(letter) || is_unprintable(letter));
        if suffice { own } else { Self { fonts: &ALL_FONTS } }
    }

    fn has(&self, letter: char) -> bool {
        letter.is_ascii()
            || (0..)
                .map_while(|index| self.fonts.book().info(index))
                .any(|info| info.coverage.contains(u32::from(letter)))
    }

    /// The text with a sign in place of each letter that cannot be set.
    fn settable(&self, text: &str) -> String {
        let of = |letter: char| {
            if is_invisible(letter) && !self.has(letter) {
                None
            } else if is_unprintable(letter) || !self.has(letter) {
                Some(MISSING)
            } else {
                Some(letter)
            }
        };
        text.chars().filter_map(of).collect()
    }

    fn settable_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.settable(text)),
            Value::Array(values) => values.iter().map(|value| self.settable_json(value)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| (name.clone(), self.settable_json(value))).collect()
            }
            other => other.clone(),
        }
    }
}

/// Letters that PDF/A refuses or that have no shape: controls, private use, byte order marks and non-characters.
fn is_unprintable(letter: char) -> bool {
    let code = u32::from(letter);
    (letter.is_control() && !matches!(letter, '\n' | '\t' | '\r'))
        || matches!(code, 0xe000..=0xf8ff | 0xfeff | 0xf_0000..=0x10_ffff)
        || code & 0xfffe == 0xfffe
}

/// Marks that join or direct letters. Text can be read without them.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}')
}

/// All texts of a document's data.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// A template with its files.
pub(crate) struct Desk {
    main: Source,
    files: HashMap<FileId, Bytes>,
    fonts: &'static FontStore,
}

impl Desk {
    pub(crate) fn new(document: &Document<'_>) -> Self {
        let drawings = document.files.iter().filter(|(name, _)| name.ends_with(".svg"));
        let drawn = drawings.filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok());
        let said = texts(document.data);
        let letters = Letters::of(said.iter().copied().chain(drawn));
        let data = letters.settable_json(document.data).to_string();
        let mut files = HashMap::from([(id("data.json"), Bytes::from_string(data))]);
        files.extend(document.files.iter().map(|(name, bytes)| {
            let drawing = name.ends_with(".svg").then(|| std::str::from_utf8(bytes).ok()).flatten();
            let bytes =
                drawing.map_or_else(|| Bytes::new(bytes.clone()), |text| Bytes::from_string(letters.settable(text)));
            (id(name), bytes)
        }));
        let fonts = letters.fonts;
        Self { main: Source::new(id("main.typ"), document.template.to_owned()), files, fonts }
    }
}

/// Id of a file by its name. Ids are never given back, so names must come from a small set.
fn id(name: &str) -> FileId {
    let path = VirtualPath::new(name).unwrap_or_else(|_| VirtualPath::new("unnamed").expect("a plain name is a path"));
    FileId::new(RootedPath::new(VirtualRoot::Project, path))
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        self.fonts.book()
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main.id() { Ok(self.main.clone()) } else { Err(missing(id)) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.get(&id).cloned().ok_or_else(|| missing(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.font(index)
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn missing(id: FileId) -> FileError {
    FileError::NotFound(PathBuf::from(id.get().vpath().get_without_slash()))
}
