//! The received parts of a file: a small text file beside it, from which a killed download resumes.
//!
//! The first line identifies the file and its version. Each further line is the number of a part and the CRC-32 of
//! its bytes. A part is written before its line, and a resumed run compares its bytes with the line. Neither a kill
//! nor a power cut can leave a wrong byte behind.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use minesegsat_core::Result;
use minesegsat_io::http::RemoteInfo;

/// The file and version of a journal. Received parts are valid only if all of this is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subject {
    /// Address without its query, because the query holds signatures that change.
    pub(super) source: String,
    pub(super) size: u64,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    pub(super) part_bytes: u64,
}

impl Subject {
    /// The subject of a file of known size.
    pub(super) fn new(source: &str, info: &RemoteInfo, size: u64, part_bytes: u64) -> Self {
        Self {
            source: source.to_owned(),
            size,
            etag: info.version.etag.clone(),
            last_modified: info.version.last_modified.clone(),
            part_bytes,
        }
    }

    /// Whether it identifies the version of the file. If not, received parts cannot be trusted.
    fn is_specific(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }
}

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Starts a journal and replaces an existing one.
    pub(super) fn create(path: &Path, subject: &Subject) -> Result<Self> {
        let mut line = serde_json::to_string(subject).map_err(io::Error::other)?;
        line.push('\n');
        let mut file = fs::File::create(path)?.into_file();
        file.write_all(line.as_bytes()).map_err(|error| on(path, &error))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Opens a journal about the same subject, and returns the received parts with their checksums. `None` if the
    /// journal is missing or has another subject.
    pub(super) fn open(path: &Path, subject: &Subject) -> Option<(Self, Vec<(u64, u32)>)> {
        if !subject.is_specific() {
            return None;
        }
        let text = std::fs::read_to_string(path).ok()?;
        let (header, lines) = text.split_once('\n')?;
        if serde_json::from_str::<Subject>(header).ok()? != *subject {
            return None;
        }
        // A line without its end belongs to a killed run. Nothing may be appended to it.
        let whole = &lines[..lines.rfind('\n').map_or(0, |at| at + 1)];
        let parts = whole
            .lines()
            .map(|line| {
                let (part, sum) = line.split_once(' ')?;
                Some((part.parse().ok()?, u32::from_str_radix(sum, 16).ok()?))
            })
            .collect::<Option<Vec<_>>>()?;
        let file = std::fs::OpenOptions::new().append(true).open(path).ok()?;
        file.set_len((header.len() + 1 + whole.len()) as u64).ok()?;
        Some((Self { path: path.to_owned(), file }, parts))
    }

    /// Records a part whose bytes are in the file, in one write.
    pub(super) fn note(&self, part: u64, sum: u32) -> Result<()> {
        (&self.file).write_all(format!("{part} {sum:08x}\n").as_bytes()).map_err(|error| on(&self.path, &error))?;
        Ok(())
    }
}

fn on(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("failed to write `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        let etag = Some("\"v1\"".to_owned());
        Subject { source: "https://host/a.tif".into(), size: 100, etag, last_modified: None, part_bytes: 10 }
    }

    #[test]
    fn parts_are_found_again_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::create(&path, &subject()).unwrap();
        journal.note(3, 0xdead_beef).unwrap();
        journal.note(0, 7).unwrap();
        let mut text = std::fs::read(&path).unwrap();
        text.extend(b"12 00");
        std::fs::write(&path, &text).unwrap();
        let (journal, parts) = Journal::open(&path, &subject()).unwrap();
        assert_eq!(parts, [(3, 0xdead_beef), (0, 7)]);
        journal.note(5, 1).unwrap();
        assert_eq!(Journal::open(&path, &subject()).unwrap().1.last(), Some(&(5, 1)));
    }

    #[test]
    fn another_version_of_the_file_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        assert!(Journal::open(&path, &subject()).is_none(), "no journal");
        Journal::create(&path, &subject()).unwrap();
        assert!(Journal::open(&path, &subject()).is_some());
        let etag = Some("\"v2\"".to_owned());
        assert!(Journal::open(&path, &Subject { etag, ..subject() }).is_none());
        assert!(Journal::open(&path, &Subject { size: 101, ..subject() }).is_none());
        let nothing = Subject { etag: None, ..subject() };
        Journal::create(&path, &nothing).unwrap();
        assert!(Journal::open(&path, &nothing).is_none(), "nothing tells versions apart");
        std::fs::write(&path, "garbage\n1 2\n").unwrap();
        assert!(Journal::open(&path, &subject()).is_none());
    }
}
