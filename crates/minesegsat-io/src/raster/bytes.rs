//! Byte ranges of one file: on disk by positional reads (no shared cursor, no lock), in memory, or over HTTP.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use zip::result::ZipError;

use crate::Location;
use crate::http::{self, RemoteFile};
use minesegsat_core::{Error, Result, guard};

/// Maximum size in bytes of an archive entry that is unpacked in memory. Larger entries go to a temporary file.
const UNPACK_IN_MEMORY: u64 = 8 << 20;
/// Ranges on disk with gaps up to this many bytes share a read.
const GAP_ON_DISK: u64 = 16 << 10;
/// Maximum length in bytes of a read on disk that combines ranges.
const LONGEST_READ: u64 = 16 << 20;

/// A file that several threads can read by byte ranges.
#[derive(Debug)]
pub(crate) struct ByteSource {
    name: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// `len` bytes of a file, from `start`: the whole file, or an uncompressed entry of an archive.
    File {
        file: File,
        start: u64,
        len: u64,
        /// The CRC-32 of an uncompressed archive entry. Compressed entries were checked while they were unpacked.
        crc32: Option<u32>,
    },
    Memory(Bytes),
    Remote(RemoteFile),
}

impl ByteSource {
    pub(crate) fn open(location: &Location) -> Result<Self> {
        let kind = match location {
            Location::Path(path) => open_file(path)?,
            Location::ZipEntry { archive, entry } => {
                guard(|| open_zip_entry(archive, entry), |reason| Error::raster(location.to_string(), reason))?
            }
            Location::Url(url) => Kind::Remote(RemoteFile::open(url)?),
        };
        Ok(Self { name: location.to_string(), kind })
    }

    /// A source over bytes in memory; `name` is for messages.
    pub(crate) fn from_bytes(name: &str, bytes: Bytes) -> Self {
        Self { name: name.to_owned(), kind: Kind::Memory(bytes) }
    }

    /// The same content on disk or in memory. A file on a server is downloaded to a temporary file.
    pub(crate) fn into_local(self) -> Result<Self> {
        match self.kind {
            Kind::Remote(remote) => {
                let mut file = temporary_file()?;
                let len = remote.len();
                let step = LONGEST_READ / 2;
                // Sixteen parts at a time: enough concurrent requests, bounded memory.
                for chunk_start in (0..len).step_by(step as usize * 16) {
                    let parts: Vec<_> = (0..16)
                        .map(|i| chunk_start + i * step)
                        .take_while(|start| *start < len)
                        .map(|start| start..(start + step).min(len))
                        .collect();
                    for bytes in remote.read_ranges(&parts)? {
                        file.write_all(&bytes).map_err(|e| on_temporary(&e))?;
                    }
                }
                Ok(Self { name: self.name, kind: Kind::File { file, start: 0, len, crc32: None } })
            }
            kind => Ok(Self { name: self.name, kind }),
        }
    }

    /// Path or URL without its query, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Size in bytes.
    pub(crate) fn len(&self) -> u64 {
        match &self.kind {
            Kind::File { len, .. } => *len,
            Kind::Memory(bytes) => bytes.len() as u64,
            Kind::Remote(remote) => remote.len(),
        }
    }

    /// The stated CRC-32 of the bytes, if there is one and it has not been compared yet.
    pub(crate) fn crc32(&self) -> Option<u32> {
        match &self.kind {
            Kind::File { crc32, .. } => *crc32,
            Kind::Memory(_) | Kind::Remote(_) => None,
        }
    }

    /// An error about this file.
    pub(crate) fn error(&self, reason: impl std::fmt::Display) -> Error {
        Error::raster(self.name.clone(), reason)
    }

    /// Reads one range. Fails if it does not lie in the file: then the file is truncated or damaged.
    pub(crate) fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.check(&range)?;
        match &self.kind {
            Kind::File { file, start, .. } => self.read_file(file, start + range.start..start + range.end),
            Kind::Memory(bytes) => Ok(bytes.slice(range.start as usize..range.end as usize)),
            Kind::Remote(remote) => remote.read(range),
        }
    }

    /// Reads several ranges; close ranges share a read. Over HTTP several requests run at once. Results are in the order of
    /// `ranges`.
    pub(crate) fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        for range in ranges {
            self.check(range)?;
        }
        match &self.kind {
            Kind::Remote(remote) => remote.read_ranges(ranges),
            Kind::Memory(_) => ranges.iter().map(|r| self.read(r.clone())).collect(),
            Kind::File { file, start, .. } => {
                let mut parts = vec![Bytes::new(); ranges.len()];
                for run in http::coalesce(ranges, GAP_ON_DISK, LONGEST_READ) {
                    let bytes = self.read_file(file, start + run.range.start..start + run.range.end)?;
                    run.hand_out(&bytes, ranges, &mut parts);
                }
                Ok(parts)
            }
        }
    }

    /// Reads the file from its beginning to its end in pieces.
    pub(crate) fn for_each_piece(&self, mut f: impl FnMut(&[u8])) -> Result<()> {
        const PIECE: u64 = 1 << 20;
        for start in (0..self.len()).step_by(PIECE as usize) {
            f(&self.read(start..(start + PIECE).min(self.len()))?);
        }
        Ok(())
    }

    fn check(&self, range: &Range<u64>) -> Result<()> {
        if range.start > range.end || range.end > self.len() {
            return Err(self.error(format!(
                "bytes {} to {} are needed, but the file has only {} (truncated or damaged?)",
                range.start,
                range.end,
                self.len()
            )));
        }
        Ok(())
    }

    fn read_file(&self, file: &File, range: Range<u64>) -> Result<Bytes> {
        let mut buffer = vec![0; (range.end - range.start) as usize];
        read_exact_at(file, &mut buffer, range.start).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => self.error("the file became shorter while it was read"),
            _ => self.error(e),
        })?;
        Ok(buffer.into())
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                buffer = &mut buffer[n..];
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn open_file(path: &Path) -> Result<Kind> {
    // Before it is opened, because opening a pipe waits for its writer.
    if let Ok(metadata) = std::fs::metadata(path)
        && !metadata.is_file()
    {
        let kind = if metadata.is_dir() { "a folder" } else { "a pipe or a device" };
        return Err(Error::raster(path.display().to_string(), format!("it is {kind}; a file is needed")));
    }
    let file = fs_err::File::open(path)?;
    let len = file.metadata()?.len();
    Ok(Kind::File { file: file.into_file(), start: 0, len, crc32: None })
}

/// An unnamed file in the folder `TMPDIR`. The system removes it when the process ends, also after a crash.
fn temporary_file() -> Result<File> {
    tempfile::tempfile().map_err(|e| on_temporary(&e))
}

fn on_temporary(error: &io::Error) -> Error {
    let folder = std::env::temp_dir();
    let message = format!("temporary file in `{}` (set TMPDIR to use another folder): {error}", folder.display());
    io::Error::new(error.kind(), message).into()
}

/// Index of an entry, whose name may have other separators in the archive: programs of Windows write `\`.
fn index_of<R: Read + io::Seek>(zip: &zip::ZipArchive<R>, entry: &str) -> Option<usize> {
    zip.index_for_name(entry).or_else(|| {
        zip.file_names().position(|name| name.is_ok_and(|name| Location::entry_name(&name).as_deref() == Some(entry)))
    })
}

fn open_zip_entry(archive: &Path, entry: &str) -> Result<Kind> {
    let name = || format!("{}/{entry}", archive.display());
    let fail = |reason: String| Error::raster(name(), reason);
    let file = fs_err::File::open(archive)?.into_file();
    let archive_len = file.metadata()?.len();
    let mut zip =
        zip::ZipArchive::new(io::BufReader::new(&file)).map_err(|e| fail("zip archive".to_owned()).caused_by(e))?;
    let index =
        index_of(&zip, entry).ok_or_else(|| fail("zip archive".to_owned()).caused_by(ZipError::FileNotFound))?;
    // The entry's own header must agree with the archive's directory: name, sizes, method and CRC.
    let options = zip::read::ZipReadOptions::new().enforce_header_consistency(true);
    let mut packed =
        zip.by_index_with_options(index, options).map_err(|e| fail("zip archive".to_owned()).caused_by(e))?;
    if packed.encrypted() {
        return Err(fail("it is encrypted; unpack the archive first".to_owned()));
    }
    let (size, packed_size) = (packed.size(), packed.compressed_size());
    if packed.compression() == zip::CompressionMethod::Stored
        && let Some(start) = packed.data_start()
    {
        if size != packed_size || start.checked_add(size).is_none_or(|end| end > archive_len) {
            return Err(fail(format!("zip archive: the entry's {size} bytes do not lie in it (truncated?)")));
        }
        let crc32 = Some(packed.crc32());
        drop(packed);
        drop(zip);
        return Ok(Kind::File { file, start, len: size, crc32 });
    }
    if packed_size > archive_len {
        return Err(fail(format!("zip archive: the entry's {packed_size} bytes do not lie in it (truncated?)")));
    }
    // Reads one byte more than stated, to detect a longer stream. The reader checks the CRC at its end.
    let mut limited = (&mut packed).take(size.saturating_add(1));
    let unpacked = if size <= UNPACK_IN_MEMORY {
        let mut bytes = Vec::new();
        limited.read_to_end(&mut bytes).map_err(|e| fail("zip archive".to_owned()).caused_by(e))?;
        (bytes.len() as u64, Kind::Memory(bytes.into()))
    } else {
        let mut target = temporary_file()?;
        let len = io::copy(&mut limited, &mut target)
            .map_err(|e| fail("unpacking it from the archive".to_owned()).caused_by(e))?;
        (len, Kind::File { file: target, start: 0, len, crc32: None })
    };
    if unpacked.0 != size {
        return Err(fail(format!("zip archive: it states {size} bytes, but the entry has at least {}", unpacked.0)));
    }
    Ok(unpacked.1)
}
