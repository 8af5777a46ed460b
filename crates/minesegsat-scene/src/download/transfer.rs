//! Transfer of one asset to disk, in parts that several threads fetch.

use minesegsat_core::job::Job;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fs_err as fs;

use super::journal::{Journal, Subject};
use minesegsat_core::{Error, Result};
use minesegsat_io::http::{Address, Outcome, RemoteInfo, receive};

/// A part is one sixteenth of its file, within these bounds. A killed run loses little of a small file, and a large
/// file does not need thousands of requests.
const SMALLEST_PART: u64 = 256 << 10;
const LARGEST_PART: u64 = 8 << 20;

/// Size of the parts of a file, in bytes.
fn part_bytes(size: u64) -> u64 {
    size.div_ceil(16).next_multiple_of(64 << 10).clamp(SMALLEST_PART, LARGEST_PART)
}

/// A file in transfer.
#[derive(Debug)]
pub(super) struct Transfer {
    info: RemoteInfo,
    /// The partial file that receives the bytes.
    partial: PathBuf,
    journal_path: PathBuf,
    file: File,
    /// Journal of the received parts, if the server supports ranges and the version is known.
    journal: Option<Journal>,
    part_bytes: u64,
    /// Numbers of the parts that no thread is fetching.
    waiting: Mutex<VecDeque<u64>>,
    /// Number of missing parts.
    missing: AtomicU64,
    /// Received bytes of a file of unknown size.
    arrived: AtomicU64,
    /// Whether the transfer was abandoned because the file changed.
    void: AtomicBool,
}

impl Transfer {
    /// Starts a transfer to `partial`, or resumes an earlier one. `source` names the file without secrets.
    pub(super) fn begin(
        info: RemoteInfo,
        source: &str,
        partial: PathBuf,
        journal_path: PathBuf,
        job: Job<'_>,
    ) -> Result<Self> {
        let size = info.size.filter(|_| info.ranges);
        let part_bytes = part_bytes(size.unwrap_or(0));
        let subject = size.map(|size| Subject::new(source, &info, size, part_bytes));
        if let Some(subject) = &subject
            && let Some((journal, noted)) = Journal::open(&journal_path, subject)
            && let Ok(file) = std::fs::OpenOptions::new().read(true).write(true).open(&partial)
        {
            let intact = intact_parts(&file, subject, &noted)?;
            let count = subject.size.div_ceil(part_bytes);
            let waiting: VecDeque<u64> = (0..count).filter(|part| !intact.contains(part)).collect();
            let bytes = |part: &u64| (subject.size - part * part_bytes).min(part_bytes);
            job.progress.bytes(intact.iter().map(bytes).sum());
            return Ok(Self {
                info,
                partial,
                journal_path,
                file,
                journal: Some(journal),
                part_bytes,
                missing: AtomicU64::new(waiting.len() as u64),
                waiting: Mutex::new(waiting),
                arrived: AtomicU64::new(0),
                void: AtomicBool::new(false),
            });
        }
        // A new file, because another thread may still write to the old one.
        remove_if_there(&partial)?;
        let file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(&partial)?.into_file();
        let journal = subject.as_ref().map(|subject| Journal::create(&journal_path, subject)).transpose()?;
        let count = size.map_or(1, |size| size.div_ceil(part_bytes));
        Ok(Self {
            info,
            partial,
            journal_path,
            file,
            journal,
            part_bytes,
            missing: AtomicU64::new(count),
            waiting: Mutex::new((0..count).collect()),
            arrived: AtomicU64::new(0),
            void: AtomicBool::new(false),
        })
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<u64>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next part to fetch.
    pub(super) fn take_part(&self) -> Option<u64> {
        if self.void.load(Ordering::SeqCst) { None } else { self.waiting().pop_front() }
    }

    /// Stops handing out parts. Returns whether this call was the first.
    pub(super) fn make_void(&self) -> bool {
        !self.void.swap(true, Ordering::SeqCst)
    }

    /// Fetches a part. Returns whether it was the last one, or how the file on the server has changed.
    pub(super) fn fetch(
        &self,
        address: &dyn Address,
        part: u64,
        job: Job<'_>,
    ) -> Result<std::result::Result<bool, String>> {
        let start = part * self.part_bytes;
        let range = match self.info.size {
            Some(size) if self.info.ranges => start..(start + self.part_bytes).min(size),
            Some(size) => 0..size,
            None => 0..u64::MAX,
        };
        let mut sum = crc32fast::Hasher::new();
        let outcome = receive(address, range.clone(), &self.info, job.cancel, &mut |position, bytes| {
            if position == range.start {
                sum = crc32fast::Hasher::new();
                self.arrived.store(0, Ordering::Relaxed);
            }
            write_all_at(&self.file, bytes, position).map_err(|error| self.write_error(&error))?;
            sum.update(bytes);
            self.arrived.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            job.progress.bytes(bytes.len() as u64);
            Ok(())
        })?;
        if let Outcome::Changed(how) = outcome {
            return Ok(Err(how));
        }
        if self.void.load(Ordering::SeqCst) {
            return Ok(Ok(false));
        }
        if let Some(journal) = &self.journal {
            journal.note(part, sum.finalize())?;
        }
        Ok(Ok(self.missing.fetch_sub(1, Ordering::SeqCst) == 1))
    }

    /// Whether all parts were present at the start, as after a kill just before the last step.
    pub(super) fn is_complete(&self) -> bool {
        self.missing.load(Ordering::SeqCst) == 0
    }

    /// Syncs the bytes to disk, and returns their file and number.
    pub(super) fn complete(&self) -> Result<(&Path, u64)> {
        let size = match self.info.size {
            Some(size) => size,
            None => self.arrived.load(Ordering::SeqCst),
        };
        self.file.set_len(size).and_then(|()| self.file.sync_all()).map_err(|error| self.write_error(&error))?;
        Ok((&self.partial, size))
    }

    /// Deletes the received bytes.
    pub(super) fn discard(&self) -> Result<()> {
        remove_if_there(&self.partial)?;
        self.forget_journal()
    }

    /// Removes the journal after the file has its final name.
    pub(super) fn forget_journal(&self) -> Result<()> {
        remove_if_there(&self.journal_path)
    }

    fn write_error(&self, error: &io::Error) -> Error {
        io::Error::new(error.kind(), format!("failed to write `{}`: {error}", self.partial.display())).into()
    }
}

/// The recorded parts whose bytes match their checksums.
fn intact_parts(file: &File, subject: &Subject, noted: &[(u64, u32)]) -> Result<Vec<u64>> {
    let mut buffer = Vec::new();
    let mut intact = Vec::new();
    for &(part, sum) in noted {
        let Some(start) = part.checked_mul(subject.part_bytes).filter(|&start| start < subject.size) else { continue };
        buffer.resize((subject.size - start).min(subject.part_bytes) as usize, 0);
        match read_exact_at(file, &mut buffer, start) {
            Ok(()) if crc32fast::hash(&buffer) == sum => intact.push(part),
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error.into()),
        }
    }
    intact.sort_unstable();
    intact.dedup();
    Ok(intact)
}

/// Removes a file if it exists.
pub(super) fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(unix)]
use std::os::unix::fs::FileExt;

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[n..];
        offset += n as u64;
    }
    Ok(())
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[n..];
        offset += n as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_the_size_within_bounds() {
        assert_eq!(part_bytes(0), SMALLEST_PART);
        assert_eq!(part_bytes(1 << 20), SMALLEST_PART);
        assert_eq!(part_bytes(50_135_369), 48 * (64 << 10));
        assert_eq!(part_bytes(10 << 30), LARGEST_PART);
    }

    #[test]
    fn only_intact_parts_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("partial");
        let part = SMALLEST_PART as usize;
        std::fs::write(&path, vec![7_u8; 2 * part + 5]).unwrap();
        let subject = Subject {
            source: String::new(),
            size: 3 * SMALLEST_PART,
            etag: None,
            last_modified: None,
            part_bytes: SMALLEST_PART,
        };
        let sum = crc32fast::hash(&vec![7; part]);
        let noted = [(1, sum), (0, sum ^ 1), (2, sum), (9, sum), (u64::MAX, sum), (1, sum)];
        let intact = intact_parts(&File::open(&path).unwrap(), &subject, &noted).unwrap();
        assert_eq!(intact, [1], "0 has another sum, 2 is cut short, the others are not in the file");
    }
}
