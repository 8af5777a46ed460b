//! The zip of a pack, byte by byte, after [APPNOTE.TXT] 6.3.
//!
//! The `zip` crate is not used for writing, because [`super::verify`] requires exactly these bytes for years to come: files are
//! uncompressed and sorted, with fixed header fields, and without extra fields, comments, zip64 or descriptors. It is not used
//! for reading either, because common readers hide what matters here: duplicate names, and bytes that belong to no entry.
//!
//! [APPNOTE.TXT]: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    path::PathBuf,
};

use fs_err as fs;
use sha2::{Digest, Sha256};

use super::Finding;

/// Limit of the length of a zip without zip64, in bytes (exclusive).
pub(super) const MAX_LENGTH: u64 = u32::MAX as u64;
/// Limit of the number of files in a zip without zip64 (exclusive).
pub(super) const MAX_FILES: usize = u16::MAX as usize;
/// Maximum length of a directory, in bytes. This program writes shorter ones.
const MAX_DIRECTORY: u64 = 64 << 20;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const LOCAL_LENGTH: u64 = 30;
const CENTRAL_LENGTH: usize = 46;
const END_LENGTH: u64 = 22;

/// Version needed to read it: 2.0.
const VERSION: u16 = 20;
/// Made by version 2.0 on Unix, which defines the meaning of the attributes below.
const MADE_BY: u16 = 3 << 8 | VERSION;
/// Flag: names are UTF-8.
const UTF8: u16 = 1 << 11;
const ENCRYPTED: u16 = 1;
const DESCRIPTOR: u16 = 1 << 3;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// 1 January 1980, the first date that a zip can express.
const DAY: u16 = 1 << 5 | 1;
const TIME: u16 = 0;
/// Attributes of a regular file, rw-r--r--.
const ATTRIBUTES: u32 = 0o100_644 << 16;

/// Size and checksums of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) size: u64,
    pub(super) crc32: u32,
    /// SHA-256, lower-case hexadecimal.
    pub(super) sha256: String,
}

impl Content {
    /// Reads the source to its end.
    pub(super) fn read(mut source: impl Read) -> io::Result<Self> {
        let (mut sha256, mut crc32, mut size) = (Sha256::new(), crc32fast::Hasher::new(), 0);
        let mut buffer = vec![0; 64 << 10];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    sha256.update(&buffer[..count]);
                    crc32.update(&buffer[..count]);
                    size += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let sha256 = minesegsat_core::hex::encode(&sha256.finalize());
        Ok(Self { size, crc32: crc32.finalize(), sha256 })
    }
}

/// Source of a file's bytes.
#[derive(Debug)]
pub(super) enum Source {
    Memory(Vec<u8>),
    Disk(PathBuf),
}

/// A file to be written to a zip.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) path: String,
    pub(super) content: Content,
    pub(super) source: Source,
}

impl Member {
    pub(super) fn of_bytes(path: &str, bytes: Vec<u8>) -> Self {
        let content = Content::read(&*bytes).expect("memory can be read");
        Self { path: path.to_owned(), content, source: Source::Memory(bytes) }
    }
}

/// Length of the zip of these members, in bytes.
pub(super) fn length(members: &[Member]) -> u64 {
    let one =
        |member: &Member| LOCAL_LENGTH + CENTRAL_LENGTH as u64 + 2 * member.path.len() as u64 + member.content.size;
    members.iter().map(one).sum::<u64>() + END_LENGTH
}

/// Writes members. They must be sorted by path, fewer than [`MAX_FILES`] and in total shorter than [`MAX_LENGTH`].
pub(super) fn write(members: &[Member], out: &mut impl Write) -> io::Result<()> {
    let (mut at, mut directory) = (0_u64, Vec::new());
    for member in members {
        let (name, content) = (member.path.as_bytes(), &member.content);
        let header = local_header(name, content);
        out.write_all(&header)?;
        let written = match &member.source {
            Source::Memory(bytes) => io::copy(&mut bytes.as_slice(), out)?,
            Source::Disk(path) => io::copy(&mut fs::File::open(path)?, out)?,
        };
        if written != content.size {
            return Err(io::Error::other(format!("`{}` changed while it was packed", member.path)));
        }
        directory.extend(central_header(name, content, at));
        at += header.len() as u64 + written;
    }
    out.write_all(&directory)?;
    out.write_all(&end_record(members.len() as u64, directory.len() as u64, at))
}

/// The fields common to both headers of a file, from the version to the length of the name.
fn common_fields(name: &[u8], content: &Content) -> Vec<u8> {
    let size = (content.size as u32).to_le_bytes();
    let mut fields = Vec::with_capacity(24);
    for value in [VERSION, UTF8, STORED, TIME, DAY] {
        fields.extend(value.to_le_bytes());
    }
    fields.extend(content.crc32.to_le_bytes());
    fields.extend(size);
    fields.extend(size);
    fields.extend((name.len() as u16).to_le_bytes());
    fields
}

fn local_header(name: &[u8], content: &Content) -> Vec<u8> {
    let no_extra_field = [0; 2];
    [&LOCAL, common_fields(name, content).as_slice(), &no_extra_field, name].concat()
}

fn central_header(name: &[u8], content: &Content, at: u64) -> Vec<u8> {
    // No extra field, no comment, first disk, not marked as text: two bytes each.
    let absent = [0; 8];
    [
        &CENTRAL,
        MADE_BY.to_le_bytes().as_slice(),
        &common_fields(name, content),
        &absent,
        &ATTRIBUTES.to_le_bytes(),
        &(at as u32).to_le_bytes(),
        name,
    ]
    .concat()
}

fn end_record(files: u64, directory_length: u64, directory_at: u64) -> Vec<u8> {
    let files = (files as u16).to_le_bytes();
    let (first_disk, no_comment) = ([0; 4], [0; 2]);
    [
        END.as_slice(),
        &first_disk,
        &files,
        &files,
        &(directory_length as u32).to_le_bytes(),
        &(directory_at as u32).to_le_bytes(),
        &no_comment,
    ]
    .concat()
}

/// A file in an untrusted zip.
#[derive(Debug)]
pub(super) struct Entry {
    /// Path, with `U+FFFD` for bytes that are not UTF-8.
    pub(super) path: String,
    name: Vec<u8>,
    flags: u16,
    method: u16,
    /// Compressed size in bytes.
    packed: u64,
    /// Uncompressed size in bytes, as stated by the zip.
    size: u64,
    /// Offset of its header, as stated by the directory.
    stated_at: u64,
    header_at: u64,
    /// Header before its data, cut to the length of a pack's header; empty if missing.
    local: Vec<u8>,
    /// Length of the whole header.
    local_length: u64,
    /// Its record in the directory; empty without a directory.
    central: Vec<u8>,
}

impl Entry {
    fn data_at(&self) -> u64 {
        self.header_at + self.local_length
    }

    fn data_end(&self) -> u64 {
        self.data_at() + self.packed
    }

    /// Whether its path is UTF-8.
    pub(super) fn is_utf8(&self) -> bool {
        std::str::from_utf8(&self.name).is_ok()
    }

    /// Uncompressed size in bytes, as far as it is known without unpacking.
    pub(super) fn size(&self) -> u64 {
        if self.method == STORED { self.packed } else { self.size }
    }

    /// Reader of its bytes, up to one more than `limit`. The error says why it cannot be read.
    pub(super) fn open<'a, S: Read + Seek>(&self, source: &'a mut S, limit: u64) -> Result<Box<dyn Read + 'a>, String> {
        if self.local.is_empty() {
            return Err("its header is not where the directory of the zip says".to_owned());
        }
        if self.flags & ENCRYPTED != 0 {
            return Err("it is encrypted".to_owned());
        }
        source.seek(SeekFrom::Start(self.data_at())).map_err(|error| error.to_string())?;
        let packed = source.take(self.packed);
        match self.method {
            STORED => Ok(Box::new(packed.take(limit.saturating_add(1)))),
            DEFLATED => Ok(Box::new(flate2::read::DeflateDecoder::new(packed).take(limit.saturating_add(1)))),
            other => Err(format!("it is compressed with method {other}, which is unknown here")),
        }
    }
}

/// Entries of a zip.
#[derive(Debug)]
pub(super) struct Index {
    /// Entries in the order of the directory.
    pub(super) entries: Vec<Entry>,
    /// Positions of directory and end record; `None` without a readable directory.
    directory: Option<Directory>,
    /// Why there is no readable directory.
    pub(super) damage: Option<String>,
}

#[derive(Debug)]
struct Directory {
    start: u64,
    end: u64,
    end_record_at: u64,
    end_record: Vec<u8>,
}

impl Index {
    /// Lists the entries of a zip of `length` bytes from its directory, or else from the headers of the files.
    pub(super) fn read<S: Read + Seek>(source: &mut S, length: u64) -> io::Result<Self> {
        match find_end(source, length)? {
            Some(end_record_at) => match Self::from_directory(source, length, end_record_at)? {
                Some(index) => Ok(index),
                None => Self::from_headers(source, length, "the directory of its files is damaged"),
            },
            None => Self::from_headers(source, length, "its end is missing: it was cut off, or it is not a zip"),
        }
    }

    fn from_directory<S: Read + Seek>(source: &mut S, length: u64, end_record_at: u64) -> io::Result<Option<Self>> {
        let end_record = bytes_at(source, end_record_at, END_LENGTH)?;
        let count = usize::from(u16_at(&end_record, 10));
        let (size, stated) = (u32_at(&end_record, 12), u32_at(&end_record, 16));
        // The directory is right before the end record, even if bytes were prepended to the zip, or at its stated offset.
        for start in [end_record_at.checked_sub(size), Some(stated)].into_iter().flatten() {
            if start > end_record_at || end_record_at - start > MAX_DIRECTORY {
                continue;
            }
            let bytes = bytes_at(source, start, end_record_at - start)?;
            let Some(records) = central_records(&bytes, count) else { continue };
            let end = start + records.iter().map(|record| record.len() as u64).sum::<u64>();
            let mut entries = Vec::with_capacity(count);
            for record in records {
                let stated_at = u32_at(record, 42);
                let header_at = (stated_at + start).saturating_sub(stated);
                let name = &record[CENTRAL_LENGTH..CENTRAL_LENGTH + usize::from(u16_at(record, 28))];
                let mut local = local_at(source, header_at, length)?.unwrap_or_default();
                let local_length = local.len() as u64;
                // Bounds memory: many entries could share a header with a long extra field.
                local.truncate(LOCAL_LENGTH as usize + name.len());
                let mut entry = Entry {
                    path: String::from_utf8_lossy(name).into_owned(),
                    name: name.to_vec(),
                    flags: u16_at(record, 8),
                    method: u16_at(record, 10),
                    packed: u32_at(record, 20),
                    size: u32_at(record, 24),
                    stated_at,
                    header_at,
                    local,
                    local_length,
                    central: record.to_vec(),
                };
                if entry.data_end() > length {
                    entry.local.clear();
                }
                entries.push(entry);
            }
            let directory = Directory { start, end, end_record_at, end_record };
            return Ok(Some(Self { entries, directory: Some(directory), damage: None }));
        }
        Ok(None)
    }

    /// Lists entries from the header before each file, up to the first damage.
    fn from_headers<S: Read + Seek>(source: &mut S, length: u64, damage: &str) -> io::Result<Self> {
        let (mut entries, mut at, mut damage) = (Vec::new(), 0, damage.to_owned());
        while let Some(local) = local_at(source, at, length)? {
            let name = &local[LOCAL_LENGTH as usize..][..usize::from(u16_at(&local, 26))];
            let entry = Entry {
                path: String::from_utf8_lossy(name).into_owned(),
                name: name.to_vec(),
                flags: u16_at(&local, 6),
                method: u16_at(&local, 8),
                packed: u32_at(&local, 18),
                size: u32_at(&local, 22),
                stated_at: at,
                header_at: at,
                local_length: local.len() as u64,
                local,
                central: Vec::new(),
            };
            if entry.data_end() > length {
                damage += &format!(", in the middle of `{}`", entry.path.escape_debug());
                break;
            }
            at = entry.data_end();
            let has_descriptor = entry.flags & DESCRIPTOR != 0;
            entries.push(entry);
            // A header with a descriptor has no sizes, so the end of its file is unknown.
            if has_descriptor || entries.len() == MAX_FILES {
                break;
            }
        }
        Ok(Self { entries, directory: None, damage: Some(damage) })
    }

    /// Bytes that belong to no entry, and entries (by index in the directory) that overlap others.
    pub(super) fn coverage(&self, length: u64) -> (Vec<Finding>, Vec<usize>) {
        let Some(directory) = &self.directory else { return (Vec::new(), Vec::new()) };
        let entries = self.entries.iter().enumerate().filter(|(_, entry)| !entry.local.is_empty());
        let mut pieces: Vec<_> = entries.map(|(i, entry)| (entry.header_at, entry.data_end(), Some(i))).collect();
        pieces.push((directory.start, directory.end, None));
        pieces.push((directory.end_record_at, directory.end_record_at + END_LENGTH, None));
        pieces.push((length, length, None));
        pieces.sort_unstable();
        let (mut findings, mut overlapping, mut at) = (Vec::new(), Vec::new(), 0);
        for (start, end, entry) in pieces {
            if start > at {
                findings.push(Finding::UnlistedBytes { at, length: start - at });
            } else if start < at {
                // An entry that overlaps the directory begins before it.
                overlapping.extend(entry);
                let path = entry.map_or_else(String::new, |i| self.entries[i].path.clone());
                findings.push(Finding::Overlap { path, at: start });
            }
            at = at.max(end);
        }
        (findings, overlapping)
    }

    /// Differences between the structure of the zip and what [`write`] would write for its files. `contents` has the content
    /// of each entry, if it is known and has no other problem.
    pub(super) fn layout(&self, contents: &[Option<Content>]) -> Vec<Finding> {
        let Some(directory) = &self.directory else { return Vec::new() };
        let mut findings = Vec::new();
        let is_sorted = self.entries.is_sorted_by(|a, b| a.name <= b.name && a.header_at < b.header_at);
        if !is_sorted {
            findings.push(Finding::Order);
        }
        for (entry, content) in self.entries.iter().zip(contents) {
            let Some(content) = content else { continue };
            let local = local_header(&entry.name, content);
            let is_as_written = entry.local == local
                && entry.local_length == local.len() as u64
                && entry.central == central_header(&entry.name, content, entry.stated_at);
            if !is_as_written {
                let reason = if entry.method != STORED {
                    "it is compressed, and packs hold files as they are"
                } else if u32_at(&entry.central, 16) != u64::from(content.crc32)
                    || u32_at(&entry.local, 14) != u64::from(content.crc32)
                {
                    "the zip has a wrong checksum of it"
                } else {
                    "its name, time, attributes or other fields are not the ones that a pack has"
                };
                findings.push(Finding::Header { path: entry.path.clone(), reason: reason.to_owned() });
            }
        }
        let expected = end_record(self.entries.len() as u64, directory.end - directory.start, directory.start);
        if directory.end_record != expected {
            findings.push(Finding::EndRecord);
        }
        findings
    }
}

/// Offset of the last end record.
fn find_end<S: Read + Seek>(source: &mut S, length: u64) -> io::Result<Option<u64>> {
    let tail = length.min(END_LENGTH + u64::from(u16::MAX));
    if tail < END_LENGTH {
        return Ok(None);
    }
    let bytes = bytes_at(source, length - tail, tail)?;
    let whole = &bytes[..(tail - END_LENGTH) as usize + END.len()];
    let place = whole.windows(END.len()).rposition(|window| window == END);
    Ok(place.map(|place| length - tail + place as u64))
}

/// The first `count` records of a directory; `None` if there are fewer.
fn central_records(mut bytes: &[u8], count: usize) -> Option<Vec<&[u8]>> {
    let mut records = Vec::new();
    for _ in 0..count {
        if bytes.len() < CENTRAL_LENGTH || bytes[..4] != CENTRAL {
            return None;
        }
        let lengths = [28, 30, 32].map(|at| usize::from(u16_at(bytes, at)));
        let (record, rest) = bytes.split_at_checked(CENTRAL_LENGTH + lengths.iter().sum::<usize>())?;
        records.push(record);
        bytes = rest;
    }
    Some(records)
}

/// The header of a file with its name and extra field; `None` if there is no header at this offset.
fn local_at<S: Read + Seek>(source: &mut S, at: u64, length: u64) -> io::Result<Option<Vec<u8>>> {
    if at + LOCAL_LENGTH > length {
        return Ok(None);
    }
    let mut header = bytes_at(source, at, LOCAL_LENGTH)?;
    if header[..4] != LOCAL {
        return Ok(None);
    }
    let rest = u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
    if at + LOCAL_LENGTH + rest > length {
        return Ok(None);
    }
    header.extend(bytes_at(source, at + LOCAL_LENGTH, rest)?);
    Ok(Some(header))
}

fn bytes_at<S: Read + Seek>(source: &mut S, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    source.seek(SeekFrom::Start(at))?;
    source.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u16_at(bytes, at)) | u64::from(u16_at(bytes, at + 2)) << 16
}
