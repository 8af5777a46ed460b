//! Whole files and their identity, wherever they are.

use std::ops::Range;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Location, Result};

/// What tells one version of an input from another, for manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    let _ = range;
    Err(Error::raster(location.to_string(), "reading is not built yet"))
}

/// Reads a UTF-8 text file.
pub fn read_text(location: &Location) -> Result<String> {
    let bytes = read_bytes(location, None)?;
    String::from_utf8(bytes.into()).map_err(|e| Error::raster(location.to_string(), format!("not UTF-8 text: {e}")))
}

/// Reads a JSON file.
pub fn read_json<T: DeserializeOwned>(location: &Location) -> Result<T> {
    let bytes = read_bytes(location, None)?;
    serde_json::from_slice(&bytes).map_err(|e| Error::raster(location.to_string(), format!("JSON: {e}")))
}

/// Size, and SHA-256 or `ETag`, of a file. Files on disk and in archives are read whole.
pub fn identity(location: &Location) -> Result<InputIdentity> {
    Err(Error::raster(location.to_string(), "reading is not built yet"))
}
