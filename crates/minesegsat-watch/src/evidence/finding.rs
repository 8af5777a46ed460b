//! Problems of a pack.

use std::fmt;

use serde::Serialize;

/// A problem of a pack. Its text names the problem and the values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Finding {
    /// The zip cannot be read as a whole.
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// The manifest is not that of a pack.
    ManifestUnusable {
        /// What is wrong with it.
        reason: String,
    },
    /// The pack was made by a newer version of this program.
    NewerFormat {
        /// Version of the pack.
        version: u64,
        /// Newest version known here.
        known: u32,
    },
    /// The signature cannot be used.
    SignatureUnusable {
        /// What is wrong with it.
        reason: String,
    },
    /// The signature was made with a key other than the given one.
    UnknownKey {
        /// Id of the key that the signature names.
        signed_with: String,
        /// Id of the given key.
        given: String,
    },
    /// The manifest is not the one that was signed.
    ManifestAltered {
        /// Id of the key.
        key_id: String,
    },
    /// The trusted comment with the time is not the one that was signed.
    CommentAltered {
        /// Id of the key.
        key_id: String,
    },
    /// The content of a file differs from the manifest.
    Changed {
        /// Its path in the pack.
        path: String,
        /// Its size in bytes in the manifest.
        size: u64,
        /// Its SHA-256 in the manifest.
        sha256: String,
        /// Its actual size in bytes.
        found_size: u64,
        /// Its actual SHA-256; `None` if the size already differs.
        found_sha256: Option<String>,
    },
    /// A file of the manifest is missing.
    Missing {
        /// Its path in the pack.
        path: String,
    },
    /// A file is not in the manifest.
    Added {
        /// Its path in the pack.
        path: String,
    },
    /// A file occurs more than once, so programs may show different versions of it.
    Repeated {
        /// Its path in the pack.
        path: String,
        /// How often it occurs.
        times: usize,
    },
    /// A file cannot be read.
    Unreadable {
        /// Its path in the pack.
        path: String,
        /// Why.
        reason: String,
    },
    /// A path that could be unpacked outside the target folder, or that is displayed as another path.
    UnsafePath {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytes of the zip that belong to no file.
    UnlistedBytes {
        /// Offset of the first byte.
        at: u64,
        /// Number of bytes.
        length: u64,
    },
    /// Two parts of the zip overlap.
    Overlap {
        /// Path of the later one; empty for the directory.
        path: String,
        /// Its offset in bytes.
        at: u64,
    },
    /// A file's header differs from that of a pack.
    Header {
        /// Its path in the pack.
        path: String,
        /// What differs.
        reason: String,
    },
    /// Files are not in the order of a pack.
    Order,
    /// The end record of the zip is not that of a pack.
    EndRecord,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Paths are untrusted: control characters for terminals are escaped.
        let shown = |text: &str| format!("`{}`", text.escape_debug());
        match self {
            Self::Damaged { reason } => write!(f, "the zip is damaged: {reason}"),
            Self::ManifestUnusable { reason } => {
                write!(f, "`manifest.json` is not that of a pack: {}", reason.escape_debug())
            }
            Self::NewerFormat { version, known } => write!(
                f,
                "the pack has format version {version}, and this program knows {known}: check it with a newer minesegsat"
            ),
            Self::SignatureUnusable { reason } => {
                write!(f, "`manifest.json.minisig` is not the signature of a pack: {}", reason.escape_debug())
            }
            Self::UnknownKey { signed_with, given } => {
                write!(f, "it was signed with another key: {signed_with}, and the key given is {given}")
            }
            Self::ManifestAltered { key_id } => {
                write!(f, "`manifest.json` is not what was signed with key {key_id}: it or its signature was changed")
            }
            Self::CommentAltered { key_id } => write!(
                f,
                "the time and comment of the signature are not what was signed with key {key_id}: they were changed"
            ),
            Self::Changed { path, size, found_size, .. } if size != found_size => {
                write!(f, "{} was changed: it has {found_size} bytes instead of {size}", shown(path))
            }
            Self::Changed { path, sha256, found_sha256, .. } => write!(
                f,
                "{} was changed: its SHA-256 is {} instead of {sha256}",
                shown(path),
                found_sha256.as_deref().unwrap_or("another")
            ),
            Self::Missing { path } => write!(f, "{} is missing", shown(path)),
            Self::Added { path } => write!(f, "{} was added: the manifest does not know it", shown(path)),
            Self::Repeated { path, times } => write!(f, "{} is in the zip {times} times", shown(path)),
            Self::Unreadable { path, reason } => write!(f, "{} cannot be read: {reason}", shown(path)),
            Self::UnsafePath { path, reason } => write!(f, "the path {} is unsafe to unpack: {reason}", shown(path)),
            Self::UnlistedBytes { at, length } => {
                write!(f, "{length} bytes of the zip, from byte {at}, belong to no file")
            }
            Self::Overlap { path, at } if path.is_empty() => {
                write!(f, "the directory of the zip, at byte {at}, lies on its files")
            }
            Self::Overlap { path, at } => write!(f, "{}, at byte {at}, lies on another file", shown(path)),
            Self::Header { path, reason } => write!(f, "the zip was written anew: of {}, {reason}", shown(path)),
            Self::Order => f.write_str("the zip was written anew: its files are in another order"),
            Self::EndRecord => f.write_str("the end record of the zip is not that of a pack"),
        }
    }
}
