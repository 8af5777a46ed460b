//! PDF documents from [Typst](https://typst.app) templates: [`typeset`].
//!
//! A template reads its data from `data.json` and its pictures from the files that it is given, and nothing else: it has no disk and no
//! network. Text is set in DejaVu Sans, which is in the program. Letters that it lacks come from the fonts of
//! the machine. A letter that no font has becomes a box.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod world;

use jiff::Timestamp;
use minesegsat_core::{Error, Result};
use serde_json::Value;
use typst::diag::SourceDiagnostic;
use typst::foundations::{Datetime, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use self::world::Desk;

/// What a document is made of.
#[derive(Debug)]
pub struct Document<'a> {
    /// Source of the template.
    pub template: &'a str,
    /// What the template reads from `data.json`.
    pub data: &'a Value,
    /// Names and contents of the pictures that the template reads: PNG, JPEG or SVG.
    pub files: Vec<(String, Vec<u8>)>,
    /// When the document was made.
    pub created: Timestamp,
}

/// The document as PDF/A-2a: fonts are inside, and screen readers find headings, tables and descriptions of pictures.
///
/// The same input gives the same bytes, unless its text needs a font of the machine. Fails if the template has a fault or a picture
/// cannot be read.
pub fn typeset(document: &Document<'_>) -> Result<Vec<u8>> {
    let desk = Desk::new(document);
    let laid_out = typst::compile::<PagedDocument>(&desk).output.map_err(|faults| failed(&faults))?;
    let standards = PdfStandards::new(&[PdfStandard::A_2a]).map_err(|error| refused(error.message()))?;
    let options = PdfOptions {
        creator: Smart::Custom(Some(concat!("minesegsat ", env!("CARGO_PKG_VERSION")).to_owned())),
        timestamp: datetime(document.created).map(typst_pdf::Timestamp::new_utc),
        standards,
        ..PdfOptions::default()
    };
    let bytes = typst_pdf::pdf(&laid_out, &options).map_err(|faults| failed(&faults));
    // Results of layout are kept between documents. A server makes many.
    comemo::evict(0);
    bytes
}

fn datetime(time: Timestamp) -> Option<Datetime> {
    let time = time.to_zoned(jiff::tz::TimeZone::UTC);
    let [month, day, hour, minute, second] = [time.month(), time.day(), time.hour(), time.minute(), time.second()]
        .map(|part| u8::try_from(part).unwrap_or(0));
    Datetime::from_ymd_hms(i32::from(time.year()), month, day, hour, minute, second)
}

fn failed(faults: &[SourceDiagnostic]) -> Error {
    let reasons: Vec<String> = faults
        .iter()
        .map(|fault| {
            let hints: Vec<&str> = fault.hints.iter().map(|hint| hint.v.as_str()).collect();
            std::iter::once(fault.message.as_str()).chain(hints).collect::<Vec<_>>().join("; ")
        })
        .collect();
    refused(&reasons.join("; "))
}

fn refused(reason: &str) -> Error {
    Error::input("the PDF", reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typeset_text(template: &str, data: &Value, files: Vec<(String, Vec<u8>)>) -> Result<Vec<u8>> {
        let created = "2024-09-01T08:00:00Z".parse().unwrap();
        typeset(&Document { template, data, files, created })
    }

    const PLAIN: &str = r#"#let data = json("data.json")
#set document(title: data.title)
#set text(font: "DejaVu Sans", lang: "en")
= #data.title"#;

    #[test]
    fn the_same_document_has_the_same_bytes() {
        let data = serde_json::json!({ "title": "Mine Äöü ≥ 5 ha" });
        let first = typeset_text(PLAIN, &data, Vec::new()).unwrap();
        assert!(first.starts_with(b"%PDF-1.7"));
        assert_eq!(first, typeset_text(PLAIN, &data, Vec::new()).unwrap());
        let other = typeset_text(PLAIN, &serde_json::json!({ "title": "Other" }), Vec::new()).unwrap();
        assert_ne!(first, other);
    }

    #[test]
    fn names_in_arabic_are_set() {
        let data = serde_json::json!({ "title": "منجم الفحم الشمالي" });
        assert!(typeset_text(PLAIN, &data, Vec::new()).unwrap().len() > 1000);
    }

    #[test]
    fn letters_that_no_font_has_are_a_sign_and_no_fault() {
        let set = |title: &str| typeset_text(PLAIN, &serde_json::json!({ "title": title }), Vec::new()).unwrap();
        // Private use, a control, a byte order mark, a script that few machines lack, and one that no font has.
        for title in
            ["Mine \u{e000}", "Mine \u{7}", "\u{feff}Mine", "\u{77ff}\u{5c71}", "\u{1e2d0}", "a\u{200d}b\u{fe0f}"]
        {
            assert!(set(title).len() > 1000, "{title:?}");
        }
        let drawing =
            "<svg xmlns='http://www.w3.org/2000/svg' width='90' height='20'><text y='15'>\u{e000}</text></svg>";
        let template = "#set document(title: \"a\")\n#image(\"a.svg\", alt: \"a\")";
        let files = vec![("a.svg".to_owned(), drawing.as_bytes().to_vec())];
        assert!(typeset_text(template, &Value::Null, files).unwrap().len() > 500);
    }

    #[test]
    fn faults_name_what_is_wrong() {
        let fault = typeset_text("#nothing", &Value::Null, Vec::new()).unwrap_err().to_string();
        assert!(fault.contains("unknown variable: nothing"), "{fault}");
        let fault = typeset_text("#image(\"a.png\")", &Value::Null, Vec::new()).unwrap_err().to_string();
        assert!(fault.contains("a.png"), "{fault}");
        let files = vec![("a.png".to_owned(), b"no picture".to_vec())];
        assert!(typeset_text("#image(\"a.png\", alt: \"a\")", &Value::Null, files).is_err());
    }
}
