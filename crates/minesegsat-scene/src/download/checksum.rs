//! Verification of a file against its item: `file:size` and `file:checksum` (a multihash).

use std::fmt::Write;
use std::io::Read;
use std::path::Path;

use fs_err as fs;
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

use minesegsat_core::{Error, Result};
use minesegsat_io::Location;
use minesegsat_io::raster::{ChecksumAlgorithm, StatedChecksum, checked_identity};

/// Prefix of a multihash of SHA-256: code 0x12, length 32 (<https://multiformats.io/multihash/>).
const SHA2_256: &str = "1220";
/// Prefix of a multihash of SHA-512: code 0x13, length 64.
const SHA2_512: &str = "1340";

/// The item's description of a file. Hashes with unknown multihash codes are not computed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) size: Option<u64>,
    /// Multihash, in lower-case hexadecimal.
    checksum: Option<String>,
    /// MD5 or SHA3-256.
    other: Option<StatedChecksum>,
}

/// Measured size and hash of a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Measured {
    pub(super) size: u64,
    /// SHA-256 as a multihash.
    pub(super) checksum: String,
}

impl Described {
    pub(super) fn from_asset(asset: &Value) -> Self {
        let checksum = asset["file:checksum"].as_str().map(str::to_ascii_lowercase);
        let known = |text: &String| {
            text.strip_prefix(SHA2_256).is_some_and(|hash| hash.len() == 64)
                || text.strip_prefix(SHA2_512).is_some_and(|hash| hash.len() == 128)
        };
        let other = checksum.as_deref().and_then(|hash| StatedChecksum::multihash(hash, "the item"));
        let other = other.filter(|stated| stated.algorithm != ChecksumAlgorithm::Sha256);
        Self { size: asset["file:size"].as_u64(), checksum: checksum.filter(known), other }
    }

    /// Whether the description identifies the file uniquely.
    pub(super) fn is_exact(&self) -> bool {
        self.checksum.is_some() || self.other.is_some()
    }
}

/// Measures a file. Returns the difference if it does not match its description.
pub(super) fn measure(path: &Path, described: &Described) -> Result<std::result::Result<Measured, String>> {
    let wants_512 = described.checksum.as_ref().is_some_and(|text| text.starts_with(SHA2_512));
    let (mut sha256, mut sha512) = (Sha256::new(), Sha512::new());
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        size += n as u64;
        sha256.update(&buffer[..n]);
        if wants_512 {
            sha512.update(&buffer[..n]);
        }
    }
    let checksum = format!("{SHA2_256}{}", hex(&sha256.finalize()));
    if let Some(expected) = described.size.filter(|&expected| expected != size) {
        return Ok(Err(format!("it has {size} bytes, but the item states {expected}")));
    }
    if let Some(expected) = &described.checksum {
        let found = if wants_512 { format!("{SHA2_512}{}", hex(&sha512.finalize())) } else { checksum.clone() };
        if found != *expected {
            return Ok(Err(format!("its checksum is {found}, but the item states {expected}")));
        }
    }
    if described.other.is_some()
        && let Err(error) = checked_identity(&Location::from(path), described.other.as_ref())
    {
        return Ok(Err(reason_of(&error)));
    }
    Ok(Ok(Measured { size, checksum }))
}

/// The reason of an error about a file, without the name of the file.
pub(super) fn reason_of(error: &Error) -> String {
    match error {
        Error::Raster { reason, source, .. } | Error::Input { reason, source, .. } => {
            source.as_ref().map_or_else(|| reason.clone(), |cause| format!("{reason}: {cause}"))
        }
        other => other.to_string(),
    }
}

/// An error for a file that does not match its description.
pub(super) fn mismatch(source: &impl std::fmt::Display, how: &str) -> Error {
    Error::input(source.to_string(), format!("the downloaded file is not usable: {how}"))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_compared_with_their_description() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        // FIPS 180-2, appendices B.1 and C.1
        let sha256 = "1220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let sha512 = "1340ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d44\
                      23643ce80e2a9ac94fa54ca49f";
        let of = |asset: Value| measure(&path, &Described::from_asset(&asset)).unwrap();
        let measured = Measured { size: 3, checksum: sha256.to_owned() };
        for good in [
            json!({}),
            json!({"file:size": 3, "file:checksum": sha256.to_ascii_uppercase()}),
            json!({"file:checksum": sha512}),
            // MD5 (RFC 1321, appendix A.5), and SHA-1, which is not computed.
            json!({"file:checksum": "d50110900150983cd24fb0d6963f7d28e17f72"}),
            json!({"file:checksum": "1114a9993e364706816aba3e25717850c26c9cd0d89d"}),
        ] {
            assert_eq!(of(good).unwrap(), measured);
        }
        assert!(of(json!({"file:size": 4})).unwrap_err().contains("3 bytes, but the item states 4"));
        assert!(of(json!({"file:checksum": "d50110900150983cd24fb0d6963f7d28e17f73"})).unwrap_err().contains("MD5"));
        let other = sha256.replace("ba78", "ba79");
        assert!(of(json!({"file:checksum": other})).unwrap_err().contains(&other));
        assert!(of(json!({"file:checksum": sha512.replace("ddaf", "ddae")})).unwrap_err().contains("1340ddaf"));
    }
}
