use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::palette;
use crate::words::Language;

/// All characters except the unreserved ones of RFC 3986 and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The base style of every page. It follows the colours of [`palette::root`].
const BASE_STYLE: &str = concat!(include_str!("chart.css"), include_str!("base.css"));

/// A page in one file without external resources.
#[derive(Debug)]
pub struct Page<'a> {
    /// Title of the window.
    pub title: &'a str,
    /// CSS of this page, added after the base style.
    pub style: &'a str,
    /// Script of this page. Empty: no script.
    pub script: &'a str,
    /// Content of the body.
    pub body: Markup,
}

impl Page<'_> {
    /// The whole document, in English. Its content security policy allows only this style and script, by their digests.
    pub fn into_html(self) -> String {
        self.into_html_in(Language::English)
    }

    /// The whole document as [`Page::into_html`], with the language of its body.
    pub fn into_html_in(self, language: Language) -> String {
        let Self { title, style, script, body } = self;
        let style = [&palette::root(), BASE_STYLE, style].concat();
        let digest = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
        let script_policy =
            if script.is_empty() { String::new() } else { format!("script-src 'sha256-{}'; ", digest(script)) };
        let policy = format!(
            "default-src 'none'; img-src data:; style-src 'sha256-{}'; {script_policy}base-uri 'none'; form-action 'none'",
            digest(&style)
        );
        html! {
            (PreEscaped("<!doctype html>\n"))
            html lang=(language.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="generator" content={ "minesegsat " (env!("CARGO_PKG_VERSION")) };
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    title { (title) }
                    style { (PreEscaped(style)) }
                }
                body {
                    (body)
                    @if !script.is_empty() { script { (PreEscaped(script)) } }
                }
            }
        }
        .into_string()
            + "\n"
    }
}

/// JSON data for a page's script, which reads them from the element with this `id`.
pub fn data_script(id: &str, json: &str) -> Markup {
    // In JSON, a less-than sign occurs only in strings. Without it, no string can end the script element.
    html! { script type="application/json" id=(id) { (PreEscaped(json.replace('<', "\\u003c"))) } }
}

/// A file as a `data:` address.
pub fn data_uri(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", BASE64_STANDARD.encode(bytes))
}

/// A relative path as a link target. Percent-encoding prevents that a part is read as a scheme or a query.
pub fn href(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// A region that scrolls horizontally in a narrow window. Screen readers announce `name`.
pub fn scroll(name: &str, content: Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(name) tabindex="0" { (content) } }
}

/// A table in a [`scroll`] region. A heading with a leading `<` marks a left-aligned column of words; the sign is not
/// shown. Headings from user data need the sign in front.
pub fn table(name: &str, head: &[&str], rows: Markup) -> Markup {
    let head = html! {
        @for words in head {
            @match words.strip_prefix('<') {
                Some(words) => { th.words scope="col" { (words) } }
                None => { th scope="col" { (words) } }
            }
        }
    };
    scroll(name, html! { table { thead { tr { (head) } } tbody { (rows) } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = r#"<script>alert(1)</script>"'&"#;

    #[test]
    fn values_are_text_and_nothing_else() {
        let body = html! { h1 title=(EVIL) { (EVIL) } (table(EVIL, &[&format!("<{EVIL}")], html! {})) (data_script("data", "\"</script>\"")) };
        let page = Page { title: EVIL, style: "", script: "", body }.into_html();
        assert_eq!(page.matches("<script").count(), 1, "the data");
        assert_eq!(page.matches("</script").count(), 1);
        assert_eq!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;").count(), 5);
    }

    #[test]
    fn the_policy_names_style_and_script_as_they_stand_in_the_page() {
        let page = |script| Page { title: "a", style: ".a { color: red; }", script, body: html! {} }.into_html();
        let with_script = page("run();");
        for tag in ["style", "script"] {
            let inline =
                with_script.split_once(&format!("<{tag}>")).and_then(|(_, rest)| rest.split_once(&format!("</{tag}>")));
            let digest = BASE64_STANDARD.encode(Sha256::digest(inline.unwrap().0));
            assert!(with_script.contains(&format!("{tag}-src 'sha256-{digest}'")), "{tag}");
        }
        assert!(!page("").contains("script"));
        for outside in ["http:", "https:", "@import", "url(", "src=\""] {
            assert!(!with_script.contains(outside), "{outside}");
        }
    }

    #[test]
    fn targets_of_links_are_paths() {
        assert_eq!(href("a b/ä?.html"), "a%20b/%C3%A4%3F.html");
        assert_eq!(href("javascript:alert(3)//\""), "javascript%3Aalert%283%29//%22");
    }
}
