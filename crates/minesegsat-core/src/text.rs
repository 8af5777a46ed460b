//! Foreign text on a terminal: ids, titles, file names and messages of servers may contain control characters, which move the
//! cursor, change colours or hide what was printed before.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character controls a terminal or the direction of text, and so must not be printed as it is: C0 and C1 controls,
/// DEL, line and paragraph separators, and the controls of bidirectional text (Unicode Standard Annex 9, section 2). Line
/// feed and tab are not among them.
fn is_unsafe(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with every control character but line feed and tab written as `\u001b`. The result of a JSON text is the same JSON.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_unsafe)
}

/// Like [`printable`], and on one line: line feeds and tabs are written as `\u000a` and `\u0009`.
pub fn on_one_line(text: &str) -> String {
    escaped(text, |c| is_unsafe(c) || c.is_control()).into_owned()
}

fn escaped(text: &str, is_unsafe: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            // Writing to a string does not fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_do_nothing() {
        let evil = "a\u{1b}[31m\u{7}\u{9b}2J\u{202e}b\r\nc\t\u{7f}";
        assert_eq!(printable(evil), "a\\u001b[31m\\u0007\\u009b2J\\u202eb\\u000d\nc\t\\u007f");
        assert_eq!(on_one_line("a\nb\tc"), "a\\u000ab\\u0009c");
        assert!(matches!(printable("Gruben\u{e4}cker \u{6c34}\n"), Cow::Borrowed(_)));
    }
}
