//! Standard output and standard error, without control characters of foreign text.

use std::io::{self, IsTerminal, Stderr, StdoutLock, Write};

use minesegsat::printable;

/// Standard output. Everything that the program prints goes through it.
pub(crate) fn stdout() -> Printable<StdoutLock<'static>> {
    Printable(io::stdout().lock())
}

/// Standard error.
pub(crate) fn stderr() -> Printable<Stderr> {
    Printable(io::stderr())
}

/// The target of the log. Its formatter escapes control characters and adds its own colours.
pub(crate) fn log() -> LogLines<Stderr> {
    LogLines(io::stderr())
}

/// A message of several lines, whose further lines are indented: foreign text cannot look like a message of the program.
pub(crate) fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

/// Writes text with its control characters escaped.
pub(crate) struct Printable<W>(W);

impl<W: IsTerminal> Printable<W> {
    /// Whether a person reads it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.0.is_terminal()
    }
}

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.0.write_all(printable(text).as_bytes())?,
            Err(_) => self.0.write_all(printable(&String::from_utf8_lossy(bytes)).as_bytes())?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes log lines. An event with line feeds is indented from its second line on.
pub(crate) struct LogLines<W>(W);

impl<W: Write> Write for LogLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let (event, end) = text.strip_suffix('\n').map_or((&*text, ""), |event| (event, "\n"));
        // The formatter writes its colours with ESC, and escapes that character in messages.
        let parts: Vec<_> = event.split('\u{1b}').map(printable).collect();
        write!(self.0, "{}{end}", parts.join("\u{1b}").replace('\n', "\n    "))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_neither_controls_the_terminal_nor_forges_lines() {
        let mut out = Vec::new();
        writeln!(Printable(&mut out), "id \u{1b}[2J\u{9b}K x").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "id \\u001b[2J\\u009bK x\n");
        let mut out = Vec::new();
        Printable(&mut out).write_all(b"a\xff\x1b[0m").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a\u{fffd}\\u001b[0m");
        let mut log = Vec::new();
        LogLines(&mut log).write_all(b"\x1b[33mWARN\x1b[0m a\rb\nERROR c\n").unwrap();
        assert_eq!(log, b"\x1b[33mWARN\x1b[0m a\\u000db\n    ERROR c\n");
        assert_eq!(indented("a\nerror: b\n"), "a\n    error: b");
    }

    #[test]
    fn nothing_prints_past_this_module() {
        let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("terminal.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert!(!text.contains("io::stdout()"), "{} prints without `terminal::stdout`", path.display());
                }
            }
        }
    }
}
