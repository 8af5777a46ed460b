//! The files and fonts that a template sees.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::LazyLock;

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

/// Whether the fonts in the program have all letters of a text.
fn suffice(text: &str) -> bool {
    let mut letters: Vec<char> = text.chars().filter(|letter| !letter.is_ascii()).collect();
    letters.sort_unstable();
    letters.dedup();
    OWN_FONTS.book().info(0).is_some_and(|info| letters.iter().all(|&letter| info.coverage.contains(u32::from(letter))))
}

/// A template with its files.
pub(crate) struct Desk {
    main: Source,
    files: HashMap<FileId, Bytes>,
    fonts: &'static FontStore,
}

impl Desk {
    pub(crate) fn new(document: &Document<'_>) -> Self {
        let data = document.data.to_string();
        let fonts = if suffice(&data) { &*OWN_FONTS } else { &*ALL_FONTS };
        let mut files = HashMap::from([(id("data.json"), Bytes::from_string(data))]);
        files.extend(document.files.iter().map(|(name, bytes)| (id(name), Bytes::new(bytes.clone()))));
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
