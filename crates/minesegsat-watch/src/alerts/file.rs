//! Alerts to a file: each appends one line of JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::Finding;
use super::deliver::{Failure, FailureKind};

/// A file that alerts are appended to. Each line is the body that a webhook would get.
///
/// A line is on disk before its delivery is marked. A run killed in between writes the line again, so readers should skip
/// an `id` that they have already seen.
#[derive(Debug, Clone)]
pub(super) struct FileChannel {
    pub(super) path: PathBuf,
}

impl FileChannel {
    pub(super) fn send(&self, finding: &Finding, site_url: Option<&str>) -> Result<(), Failure> {
        append(&self.path, &finding.payload_with(site_url).to_string()).map_err(|error| Failure {
            kind: FailureKind::Passing,
            reason: format!("cannot append to {}: {error}", self.path.display()),
        })
    }
}

/// Appends a line and waits until it is on disk.
fn append(path: &Path, line: &str) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut text = format!("{line}\n");
    if file.seek(SeekFrom::End(0))? > 0 {
        // A killed run or a full disk may have left an incomplete line.
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.insert(0, '\n');
        }
    }
    // A single write, so that lines of two processes do not mix.
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if is_new && cfg!(unix) {
        // The file's name must be on disk too.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.jsonl");
        append(&path, "{\"id\":1}").unwrap();
        append(&path, "{\"id\":2}").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"id\":1}\n{\"id\":2}\n");
        std::fs::write(&path, "{\"id\":1}\n{\"i").unwrap();
        append(&path, "{\"id\":2}").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"id\":1}\n{\"i\n{\"id\":2}\n");
        assert!(append(&folder.path().join("missing/alerts.jsonl"), "{}").is_err());
    }
}
