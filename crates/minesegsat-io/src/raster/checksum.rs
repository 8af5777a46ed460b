//! Checksums of files in metadata, and their comparison with the content. Images have no checksums of their own: a flipped
//! bit inside a JPEG 2000 codestream or an uncompressed block changes pixels without an error.

use md5::Md5;
use sha2::{Digest, Sha256};
use sha3::Sha3_256;

use minesegsat_core::hex;

/// How a [`StatedChecksum`] was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumAlgorithm {
    /// MD5, in `manifest.safe` of most products.
    Md5,
    /// SHA-256, in most STAC items.
    Sha256,
    /// SHA3-256, in `manifest.safe` of newer products.
    Sha3_256,
}

impl ChecksumAlgorithm {
    /// Usual name of the algorithm.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha3_256 => "SHA3-256",
        }
    }

    /// Length of the digest in bytes.
    fn len(self) -> usize {
        if self == Self::Md5 { 16 } else { 32 }
    }
}

/// Digest of a file, as metadata states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedChecksum {
    /// Algorithm of the digest.
    pub algorithm: ChecksumAlgorithm,
    /// The digest, lower-case hexadecimal.
    pub hex: String,
    /// Source of the statement, such as `manifest.safe`.
    pub stated_by: String,
}

impl StatedChecksum {
    /// From the name and value of a `checksum` element of `manifest.safe`. `None` for unknown algorithms and for values that are
    /// not valid digests.
    pub fn safe(name: &str, value: &str, stated_by: &str) -> Option<Self> {
        let algorithm = match name.to_ascii_uppercase().replace(['-', '_'], "").as_str() {
            "MD5" => ChecksumAlgorithm::Md5,
            "SHA256" => ChecksumAlgorithm::Sha256,
            "SHA3256" => ChecksumAlgorithm::Sha3_256,
            _ => return None,
        };
        Self::new(algorithm, value, stated_by)
    }

    /// From `file:checksum` of a STAC asset, a [multihash](https://github.com/multiformats/multicodec) in hexadecimal: code of
    /// the algorithm, length, digest.
    pub fn multihash(value: &str, stated_by: &str) -> Option<Self> {
        let value = value.trim().to_ascii_lowercase();
        [("1220", ChecksumAlgorithm::Sha256), ("1620", ChecksumAlgorithm::Sha3_256), ("d50110", ChecksumAlgorithm::Md5)]
            .into_iter()
            .find_map(|(prefix, algorithm)| Self::new(algorithm, value.strip_prefix(prefix)?, stated_by))
    }

    fn new(algorithm: ChecksumAlgorithm, value: &str, stated_by: &str) -> Option<Self> {
        let hex = value.trim().to_ascii_lowercase();
        let is_digest = hex.len() == 2 * algorithm.len() && hex.bytes().all(|b| b.is_ascii_hexdigit());
        is_digest.then(|| Self { algorithm, hex, stated_by: stated_by.to_owned() })
    }
}

/// The digests of one file, computed in one pass: always SHA-256, and the stated algorithm if it is another.
pub(super) struct Digests {
    sha256: Sha256,
    stated: Option<Other>,
}

enum Other {
    Md5(Md5),
    Sha3(Sha3_256),
}

impl Digests {
    pub(super) fn new(stated: Option<&StatedChecksum>) -> Self {
        let stated = stated.and_then(|stated| match stated.algorithm {
            ChecksumAlgorithm::Md5 => Some(Other::Md5(Md5::new())),
            ChecksumAlgorithm::Sha256 => None,
            ChecksumAlgorithm::Sha3_256 => Some(Other::Sha3(Sha3_256::new())),
        });
        Self { sha256: Sha256::new(), stated }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        match &mut self.stated {
            Some(Other::Md5(hash)) => hash.update(bytes),
            Some(Other::Sha3(hash)) => hash.update(bytes),
            None => {}
        }
    }

    /// SHA-256, and the digest to compare with the stated one (SHA-256 by default).
    pub(super) fn finish(self) -> (String, String) {
        let sha256 = hex::encode(&self.sha256.finalize());
        let stated = match self.stated {
            Some(Other::Md5(hash)) => hex::encode(&hash.finalize()),
            Some(Other::Sha3(hash)) => hex::encode(&hash.finalize()),
            None => sha256.clone(),
        };
        (sha256, stated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests of "abc": RFC 1321 A.5 (MD5), FIPS 180-2 B.1 (SHA-256), FIPS 202 example values (SHA3-256).
    const ABC: [(&str, &str); 3] = [
        ("MD5", "900150983cd24fb0d6963f7d28e17f72"),
        ("SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("SHA3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    ];

    #[test]
    fn digests_are_those_of_the_standards() {
        for (name, expected) in ABC {
            let stated = StatedChecksum::safe(name, &expected.to_ascii_uppercase(), "manifest.safe").unwrap();
            assert_eq!(stated.algorithm.name(), name);
            let mut digests = Digests::new(Some(&stated));
            digests.update(b"a");
            digests.update(b"bc");
            assert_eq!(digests.finish(), (ABC[1].1.to_owned(), stated.hex));
        }
    }

    #[test]
    fn multihashes_name_their_algorithm() {
        for (prefix, (name, hex)) in ["d50110", "1220", "1620"].into_iter().zip(ABC) {
            let stated = StatedChecksum::multihash(&format!("{prefix}{hex}"), "the item").unwrap();
            assert_eq!((stated.algorithm.name(), stated.hex.as_str()), (name, hex));
        }
        assert_eq!(StatedChecksum::multihash("1220abc", "the item"), None, "too short");
        assert_eq!(StatedChecksum::multihash("", "the item"), None);
        assert_eq!(StatedChecksum::safe("CRC32", "352441c2", "manifest.safe"), None, "not known");
        assert_eq!(StatedChecksum::safe("MD5", "not a digest at all, no hex here", "manifest.safe"), None);
    }
}
