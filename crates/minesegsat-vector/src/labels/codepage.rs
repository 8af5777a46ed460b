//! Encodings of the texts in shapefiles: code pages of Windows, DOS and ISO, named by the `.cpg` or by a byte of the `.dbf`.

use std::borrow::Cow;

use encoding_rs::Encoding;
use oem_cp::code_table::DECODING_TABLE_CP_MAP;
use oem_cp::code_table_type::TableType;

/// An encoding.
#[derive(Clone, Copy)]
pub(super) enum CodePage {
    /// An encoding of the web, which are those of Windows and ISO.
    Web(&'static Encoding),
    /// A code page of DOS: its number and table.
    Dos(u16, &'static TableType),
}

impl CodePage {
    /// Decodes a text of fixed width, which may end within a character.
    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Web(encoding) => encoding.decode_without_bom_handling(without_cut_end(self, bytes)).0,
            Self::Dos(_, table) => table.decode_string_lossy(bytes).into(),
        }
    }

    fn fits(self, bytes: &[u8]) -> bool {
        match self {
            Self::Web(encoding) => !encoding.decode_without_bom_handling(without_cut_end(self, bytes)).1,
            Self::Dos(_, table) => table.decode_string_checked(bytes).is_some(),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Web(encoding) => encoding.name().to_owned(),
            Self::Dos(number, _) => format!("code page {number}"),
        }
    }

    fn dos(number: u16) -> Option<Self> {
        DECODING_TABLE_CP_MAP.get(&number).map(|table| Self::Dos(number, table))
    }
}

/// A text in UTF-8 without a character that its end cuts.
fn without_cut_end(page: CodePage, bytes: &[u8]) -> &[u8] {
    match (page, std::str::from_utf8(bytes)) {
        (CodePage::Web(encoding), Err(error)) if encoding == encoding_rs::UTF_8 && error.error_len().is_none() => {
            &bytes[..error.valid_up_to()]
        }
        _ => bytes,
    }
}

/// The encoding of a table: from the `.cpg` (`label`), otherwise from the language byte of the header. Otherwise UTF-8 if the
/// texts are valid UTF-8, or Windows-1252, the former default of ESRI's programs.
///
/// Where texts do not fit what the `.cpg` names, and fit what the header names, the header counts, with a warning.
pub(super) fn choose<'a, I: Iterator<Item = &'a [u8]>>(
    label: Option<&str>,
    language: u8,
    texts: impl Fn() -> I,
    warnings: &mut Vec<String>,
) -> Result<CodePage, String> {
    const LATIN: CodePage = CodePage::Web(encoding_rs::WINDOWS_1252);
    let of_header = of_language(language);
    let label = label.filter(|label| !label.is_empty());
    // The page of the computer that wrote the file, which nobody knows.
    let is_unknown = |label: &str| ["SYSTEM", "ANSI", "OEM", "0"].contains(&label.to_ascii_uppercase().as_str());
    if let Some(label) = label.filter(|label| !is_unknown(label)) {
        let page = by_name(label).ok_or_else(|| {
            format!("the encoding `{label}` that the .cpg names is not known; UTF-8 and code pages of Windows, ISO and DOS are")
        })?;
        let misfits = texts().filter(|text| !page.fits(text)).count();
        if misfits == 0 {
            return Ok(page);
        }
        if let Some(other) = of_header
            && texts().all(|text| other.fits(text))
        {
            let (named, used) = (page.name(), other.name());
            warnings.push(format!(
                "the .cpg names {named}, which {misfits} texts are not; {used}, which the header names, was used"
            ));
            return Ok(other);
        }
        warnings.push(format!("{misfits} texts are not valid {}, which the .cpg names", page.name()));
        return Ok(page);
    }
    if let Some(page) = of_header {
        return Ok(page);
    }
    let utf_8 = CodePage::Web(encoding_rs::UTF_8);
    if texts().all(|text| utf_8.fits(text)) {
        return Ok(utf_8);
    }
    let is_oem = label.is_some_and(|label| label.eq_ignore_ascii_case("OEM"));
    let page = CodePage::dos(437).filter(|_| is_oem).unwrap_or(LATIN);
    let names = label.map_or_else(String::new, |label| format!(" (the .cpg says `{label}`)"));
    warnings.push(format!("it does not state its encoding{names}; {} was assumed", page.name()));
    Ok(page)
}

/// The encoding of a language byte: dBase's table, as in GDAL's `ogrshapelayer.cpp`.
fn of_language(language: u8) -> Option<CodePage> {
    let page = match language {
        0x01 | 0x09 | 0x0B | 0x0D | 0x0F | 0x11 | 0x15 | 0x18 | 0x19 | 0x1B => "437",
        0x02 | 0x0A | 0x0E | 0x10 | 0x12 | 0x14 | 0x16 | 0x1A | 0x1D | 0x25 | 0x37 => "850",
        0x03 | 0x57..=0x59 => "1252",
        0x08 | 0x17 | 0x66 => "865",
        0x13 | 0x7B => "932",
        0x1C | 0x6C => "863",
        0x1F | 0x22 | 0x23 | 0x40 | 0x64 | 0x87 => "852",
        0x24 => "860",
        0x26 | 0x65 => "866",
        0x4D | 0x7A => "936",
        0x4E | 0x79 => "949",
        0x4F | 0x78 => "950",
        0x50 | 0x7C => "874",
        0x67 => "861",
        0x6A | 0x86 => "737",
        0x6B | 0x88 => "857",
        0x7D => "1255",
        0x7E => "1256",
        0xC8 => "1250",
        0xC9 => "1251",
        0xCA => "1254",
        0xCB => "1253",
        0xCC => "1257",
        _ => return None,
    };
    by_name(page)
}

/// Encodings as written in `.cpg` files: `UTF-8`, `1252`, `CP1252`, `ANSI 1252`, `ISO 8859-1`, `88591`, `850`, `OEM 850`.
fn by_name(name: &str) -> Option<CodePage> {
    let upper = name.to_ascii_uppercase();
    let bare = ["ANSI", "OEM", "IBM", "CP", "WINDOWS", "MS", "DOS"]
        .iter()
        .fold(upper.as_str(), |bare, prefix| bare.trim_start_matches(prefix).trim_start_matches(['-', ' ', '_']));
    let web = match bare {
        "65001" | "UTF8" => Some(encoding_rs::UTF_8),
        "932" => Some(encoding_rs::SHIFT_JIS),
        "936" => Some(encoding_rs::GBK),
        "949" => Some(encoding_rs::EUC_KR),
        "950" => Some(encoding_rs::BIG5),
        "866" => Some(encoding_rs::IBM866),
        "874" => Some(encoding_rs::WINDOWS_874),
        _ if bare.len() == 4 && bare.starts_with("125") => Encoding::for_label(format!("windows-{bare}").as_bytes()),
        _ => None,
    };
    let dos = || bare.parse().ok().and_then(CodePage::dos);
    web.map(CodePage::Web).or_else(dos).or_else(|| {
        let digits: String = upper.chars().filter(char::is_ascii_digit).collect();
        let part = digits.strip_prefix("8859").filter(|part| !part.is_empty());
        part.and_then(|part| Encoding::for_label(format!("iso-8859-{part}").as_bytes()))
            .or_else(|| Encoding::for_label(upper.as_bytes()))
            .map(CodePage::Web)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decoded texts and the warnings.
    fn decoded(label: Option<&str>, language: u8, texts: &[&[u8]]) -> (Vec<String>, Vec<String>) {
        let mut warnings = Vec::new();
        let page = choose(label, language, || texts.iter().copied(), &mut warnings).unwrap();
        (texts.iter().map(|text| page.decode(text).into_owned()).collect(), warnings)
    }

    #[test]
    fn code_pages_of_dos_and_windows_are_read() {
        // `é` is 0x82 in both pages of DOS, `õ` is 0xE4 in code page 850 only.
        for (label, language) in [
            (Some("850"), 0),
            (Some("CP850"), 0),
            (Some("IBM850"), 0),
            (Some("OEM 850"), 0),
            (None, 0x02),
            (None, 0x0A),
            (Some("System"), 0x02),
        ] {
            let (texts, warnings) = decoded(label, language, &[b"Qu\x82bec", b"S\xe4o"]);
            assert_eq!((texts, warnings.len()), (vec!["Québec".to_owned(), "São".replace('ã', "õ")], 0), "{label:?}");
        }
        assert_eq!(decoded(Some("CP437"), 0, &[b"Qu\x82bec"]).0, ["Québec"]);
        assert_eq!(decoded(None, 0x01, &[b"Qu\x82bec"]).0, ["Québec"]);
        for (label, language) in [(Some("1252"), 0), (Some("ANSI 1252"), 0), (Some("88591"), 0), (None, 0x57)] {
            assert_eq!(decoded(label, language, &[b"Qu\xe9bec"]).0, ["Québec"], "{label:?}");
        }
        assert_eq!(decoded(Some("UTF-8"), 0, &["Québec".as_bytes()]).0, ["Québec"]);
        assert!(choose(Some("klingon"), 0, || [b"a".as_slice()].into_iter(), &mut Vec::new()).is_err());
    }

    #[test]
    fn contradictions_and_guesses_are_said() {
        let (texts, warnings) = decoded(Some("UTF-8"), 0x57, &[b"Qu\xe9bec", b"Reef"]);
        assert_eq!(texts, ["Québec", "Reef"]);
        assert_eq!(
            warnings,
            ["the .cpg names UTF-8, which 1 texts are not; windows-1252, which the header names, was used"]
        );
        let (_, warnings) = decoded(Some("UTF-8"), 0, &[b"Qu\xe9bec"]);
        assert_eq!(warnings, ["1 texts are not valid UTF-8, which the .cpg names"]);
        // A character cut by the end of the field is no contradiction.
        let (texts, warnings) = decoded(Some("UTF-8"), 0x57, &[&"Québec".as_bytes()[..3]]);
        assert_eq!((texts, warnings), (vec!["Qu".to_owned()], vec![]));
        for (label, said) in [
            (None, "it does not state its encoding; windows-1252 was assumed"),
            (Some("System"), "it does not state its encoding (the .cpg says `System`); windows-1252 was assumed"),
        ] {
            assert_eq!(decoded(label, 0, &[b"Qu\xe9bec"]), (vec!["Québec".to_owned()], vec![said.to_owned()]));
        }
        assert_eq!(decoded(Some("OEM"), 0, &[b"Qu\x82bec"]).0, ["Québec"]);
    }
}
