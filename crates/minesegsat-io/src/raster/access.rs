//! Reading of whole files, and their identity, on disk, in archives and on servers.

use std::io::BufReader;
use std::ops::Range;

use bytes::Bytes;
use serde::de::{DeserializeOwned, DeserializeSeed};
use serde::{Deserialize, Serialize};

use super::bytes::ByteSource;
use super::checksum::{Digests, StatedChecksum};
use crate::{Location, http};
use minesegsat_core::{Error, Result};

/// Identifies the version of an input file, for manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputIdentity {
    /// Path or URL (without its query).
    pub location: String,
    /// Size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// SHA-256 of the content, hexadecimal: for files on disk and in archives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// `ETag` of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified` of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// Reads a file, or the bytes of a range of it.
pub fn read_bytes(location: &Location, range: Option<Range<u64>>) -> Result<Bytes> {
    // Without a range, a plain request is enough, and every server answers it. A STAC API does not support ranges.
    if let (Location::Url(url), None) = (location, &range) {
        return http::get(url);
    }
    let source = ByteSource::open(location)?;
    let range = range.unwrap_or(0..source.len());
    source.read(range)
}

/// Maximum size in bytes of a text or JSON file in an archive. A few bytes of an archive can unpack to gigabytes.
const LARGEST_PACKED_TEXT: u64 = 256 << 20;

/// Reads a text or JSON file whole.
fn read_text_bytes(location: &Location) -> Result<Bytes> {
    if !matches!(location, Location::ZipEntry { .. }) {
        return read_bytes(location, None);
    }
    let source = ByteSource::open(location)?;
    if source.len() > LARGEST_PACKED_TEXT {
        return Err(source.error(format!(
            "it unpacks to {} MiB; at most {} MiB of text are read from an archive",
            source.len() >> 20,
            LARGEST_PACKED_TEXT >> 20
        )));
    }
    source.read(0..source.len())
}

/// Reads a UTF-8 text file.
pub fn read_text(location: &Location) -> Result<String> {
    let bytes = read_text_bytes(location)?;
    String::from_utf8(bytes.into()).map_err(|e| Error::input(location.to_string(), "it is not UTF-8 text").caused_by(e))
}

/// Reads a JSON file.
pub fn read_json<T: DeserializeOwned>(location: &Location) -> Result<T> {
    let bytes = read_text_bytes(location)?;
    serde_json::from_slice(&bytes).map_err(|e| not_json(location, &bytes).caused_by(e))
}

/// Reads a JSON file in one pass with a seed, which keeps what it needs. A file on disk is not held in memory.
pub fn read_json_with<T>(location: &Location, seed: impl for<'de> DeserializeSeed<'de, Value = T>) -> Result<T> {
    const BUFFER: usize = 1 << 20;
    if let Location::Path(path) = location {
        // Refuses folders and pipes.
        ByteSource::open(location)?;
        let file = BufReader::with_capacity(BUFFER, fs_err::File::open(path)?);
        let mut reader = serde_json::Deserializer::from_reader(file);
        let read = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
        return read.map_err(|error| {
            if error.is_io() { std::io::Error::from(error).into() } else { not_json(location, b"").caused_by(error) }
        });
    }
    let bytes = read_text_bytes(location)?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    let read = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| not_json(location, &bytes).caused_by(error))
}

/// The error for a document that is not the expected JSON. For a document of a server it says what came instead.
fn not_json(location: &Location, bytes: &[u8]) -> Error {
    let is_remote = matches!(location, Location::Url(_));
    let looks_like_json = bytes.trim_ascii_start().starts_with(b"{");
    if is_remote && !looks_like_json {
        let what = http::describe_content(&bytes[..bytes.len().min(http::DESCRIBED_BYTES as usize)]);
        return Error::input(location.to_string(), format!("it is not the JSON expected, but {what}"));
    }
    Error::input(location.to_string(), "it is not the JSON expected")
}

/// Size, and SHA-256 or `ETag`, of a file. Files on disk and in archives are read whole. For a file on a server, one byte is
/// requested.
pub fn identity(location: &Location) -> Result<InputIdentity> {
    checked_identity(location, None)
}

/// Like [`identity`], but fails if a file on disk or in an archive does not match its stated checksum or the checksum of the
/// archive.
pub fn checked_identity(location: &Location, stated: Option<&StatedChecksum>) -> Result<InputIdentity> {
    if let Location::Url(url) = location {
        let answer = http::probe(url)?;
        return Ok(InputIdentity {
            location: location.to_string(),
            size: answer.size,
            sha256: None,
            etag: answer.etag,
            last_modified: answer.last_modified,
        });
    }
    let source = ByteSource::open(location)?;
    let mut digests = Digests::new(stated);
    let mut crc = source.crc32().map(|stated| (stated, crc32fast::Hasher::new()));
    source.for_each_piece(|piece| {
        digests.update(piece);
        if let Some((_, crc)) = &mut crc {
            crc.update(piece);
        }
    })?;
    if let Some((stated, crc)) = crc {
        let found = crc.finalize();
        if found != stated {
            return Err(
                source.error(format!("it is damaged: its CRC-32 is {found:08x}, but the archive states {stated:08x}"))
            );
        }
    }
    let (sha256, compared) = digests.finish();
    if let Some(stated) = stated
        && compared != stated.hex
    {
        return Err(source.error(format!(
            "it is damaged or another file: its {} is {compared}, but {} states {}",
            stated.algorithm.name(),
            stated.stated_by,
            stated.hex
        )));
    }
    Ok(InputIdentity {
        location: location.to_string(),
        size: Some(source.len()),
        sha256: Some(sha256),
        etag: None,
        last_modified: None,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn damaged_json_keeps_the_error_of_its_parser() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs_err::write(&path, "{").unwrap();
        let error = read_json::<serde_json::Value>(&Location::from(path.as_path())).unwrap_err();
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<serde_json::Error>());
        assert!(cause.is_some_and(serde_json::Error::is_eof), "{error:?}");
        assert_eq!(minesegsat_core::with_causes(&error).matches("EOF").count(), 1, "{error}");
    }

    #[test]
    fn files_and_entries_are_read_alike() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("scene.zip");
        let mut zip = zip::ZipWriter::new(fs_err::File::create(&archive).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        for (name, method) in
            [("a/stored", zip::CompressionMethod::Stored), ("a/packed", zip::CompressionMethod::Deflated)]
        {
            zip.start_file(name, options.compression_method(method)).unwrap();
            zip.write_all(b"abc").unwrap();
        }
        zip.finish().unwrap();
        let plain = folder.path().join("plain");
        fs_err::write(&plain, b"abc").unwrap();
        let top = Location::Path(archive);
        for location in [Location::Path(plain), top.join("a/stored"), top.join("a/packed")] {
            assert_eq!(read_text(&location).unwrap(), "abc", "{location}");
            assert_eq!(&read_bytes(&location, Some(1..3)).unwrap()[..], b"bc", "{location}");
            let error = read_bytes(&location, Some(1..4)).unwrap_err().to_string();
            assert!(error.contains(&location.to_string()) && error.contains("has only 3"), "{error}");
            let identity = identity(&location).unwrap();
            // FIPS 180-2, appendix B.1: SHA-256 of "abc"
            let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
            assert_eq!((identity.size, identity.sha256.as_deref()), (Some(3), Some(abc)));
        }
        let error = read_text(&top.join("a/none")).unwrap_err().to_string();
        assert!(error.contains("scene.zip/a/none"), "{error}");
        let error = read_json::<u8>(&top.join("a/stored")).unwrap_err().to_string();
        assert!(error.contains("scene.zip/a/stored") && error.contains("JSON"), "{error}");
    }
}
