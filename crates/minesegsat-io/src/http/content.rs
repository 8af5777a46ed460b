//! What a body is, in words: servers send login pages, error documents and nothing at all with status 200.

use super::request::explanation_of;

/// Number of bytes at the beginning of a file that [`describe_content`] needs.
pub const DESCRIBED_BYTES: u64 = 4096;
/// Maximum length of a title or message from a foreign document, in characters.
const LONGEST_QUOTE: usize = 120;

/// Describes a body by its first bytes: what came instead of the expected file. For messages: `an empty body`, ``a web
/// page (HTML) with the title `Sign in` ``, ``JSON that says: `quota exceeded` ``.
pub fn describe_content(head: &[u8]) -> String {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if head.is_empty() {
        return "an empty body".to_owned();
    }
    let lower = String::from_utf8_lossy(&text[..text.len().min(DESCRIBED_BYTES as usize)]).to_ascii_lowercase();
    let original = String::from_utf8_lossy(text);
    // Both have the same length: lower case of ASCII changes no positions.
    let element = |name: &str| {
        let open = lower.find(&format!("<{name}"))?;
        let from = open + lower[open..].find('>')? + 1;
        let to = from + lower[from..].find("</")?;
        Some(quote(original.get(from..to)?)).filter(|text| !text.is_empty())
    };
    let said = |what: &str, quoted: Option<String>, how: &str| match quoted {
        Some(quoted) => format!("{what} {how} `{quoted}`"),
        None => what.to_owned(),
    };
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") || lower.starts_with("<head") {
        return said("a web page (HTML)", element("title"), "with the title");
    }
    if lower.starts_with('<') {
        let message = element("message").or_else(|| element("ows:exceptiontext")).or_else(|| element("code"));
        let is_page = lower.contains("<html");
        return if is_page {
            said("a web page (HTML)", element("title"), "with the title")
        } else {
            said("an XML document", message, "that says:")
        };
    }
    if lower.starts_with('{') || lower.starts_with('[') {
        return said("JSON", explanation_of(text).map(|text| quote(&text)), "that says:");
    }
    let known: [(&[u8], &str); 8] = [
        (b"PK\x03\x04", "a zip archive"),
        (b"\x1f\x8b", "a gzip file"),
        (b"%PDF", "a PDF document"),
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"GIF8", "a GIF picture"),
        (b"\x89HDF", "an HDF5 file"),
        (b"SQLite format 3", "an SQLite database"),
    ];
    if let Some((_, name)) = known.iter().find(|(magic, _)| head.starts_with(magic)) {
        return (*name).to_owned();
    }
    let is_text = text.iter().take(64).all(|&b| b == b'\n' || b == b'\r' || b == b'\t' || (0x20..0x7f).contains(&b));
    if is_text && !text.is_empty() {
        return format!("text: `{}`", quote(&original));
    }
    format!("data that begin with `{}`", head[..head.len().min(12)].escape_ascii())
}

/// One short line without control characters.
fn quote(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() || c == '`' { ' ' } else { c }).collect();
    let words: Vec<&str> = line.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_QUOTE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_are_no_files_are_named() {
        for (body, said) in [
            (&b""[..], "an empty body"),
            (b"<!DOCTYPE html><html><head><title>Sign\n in</title>", "a web page (HTML) with the title `Sign in`"),
            (b"\n<HTML><body>", "a web page (HTML)"),
            (b"<?xml version='1.0'?><html xmlns='x'><title>T</title>", "a web page (HTML) with the title `T`"),
            (
                b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
                "an XML document that says: `Request has expired`",
            ),
            (br#"{"error": {"message": "quota\u001b[31m"}}"#, "JSON"),
            (br#"{"detail": "quota \u001b[31mexceeded"}"#, "JSON that says: `quota [31mexceeded`"),
            (br#"{"error": "rate limit"}"#, "JSON that says: `rate limit`"),
            (b"PK\x03\x04....", "a zip archive"),
            (b"Too many requests\n", "text: `Too many requests`"),
            (b"\0\x01\x02", "data that begin with `\\x00\\x01\\x02`"),
        ] {
            assert!(describe_content(body).starts_with(said), "{}", describe_content(body));
        }
        let long = format!("<html><title>{}</title>", "x".repeat(1000));
        assert!(describe_content(long.as_bytes()).len() < 200);
    }
}
