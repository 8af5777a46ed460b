//! What is wrong with a pack.

use std::fmt;

use serde::Serialize;

/// Something that is wrong with a pack. Its text names what, and with which values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Finding {
    /// The zip cannot be read as a whole.
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// The manifest is not one of a pack.
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
    /// The signature is no signature.
    SignatureUnusable {
        /// What is wrong with it.
        reason: String,
    },
    /// The signature was made with another key than the one given.
    UnknownKey {
        /// Id of the key that the signature names.
        signed_with: String,
        /// Id of the key given.
        given: String,
    },
    /// The manifest is not the one that was signed.
    ManifestAltered {
        /// Id of the key.
        key_id: String,
    },
    /// The comment with the time is not the one that was signed.
    CommentAltered {
        /// Id of the key.
        key_id: String,
    },
    /// A file has other bytes than the manifest says.
    Changed {
        /// Its path in the pack.
        path: String,
        /// Its size in bytes in the manifest.
        size: u64,
        /// Its SHA-256 in the manifest.
        sha256: String,
        /// Its size in bytes as it is.
        found_size: u64,
        /// SHA-256 as it is; none where the size tells already.
        found_sha256: Option<String>,
    },
    /// A file of the manifest is not there.
    Missing {
        /// Its path in the pack.
        path: String,
    },
    /// A file is there that the manifest does not know.
    Added {
        /// Its path in the pack.
        path: String,
    },
    /// A file is there more than once, so that programs differ on which one they show.
    Repeated {
        /// Its path in the pack.
        path: String,
        /// How often.
        times: usize,
    },
    /// A file cannot be read.
    Unreadable {
        /// Its path in the pack.
        path: String,
        /// Why.
        reason: String,
    },
    /// A path that could be written to outside of the folder that a pack is unpacked in, or that shows as another one.
    UnsafePath {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytes of the zip that belong to no file.
    UnlistedBytes {
        /// Where they begin.
        at: u64,
        /// How many.
        length: u64,
    },
    /// Two parts of the zip lie on each other.
    Overlap {
        /// Path of the later one; empty for the directory.
        path: String,
        /// Where it begins.
        at: u64,
    },
    /// What the zip says of a file is not what a pack says.
    Header {
        /// Its path in the pack.
        path: String,
        /// What differs.
        reason: String,
    },
    /// Files are in another order than that of a pack.
    Order,
    /// The end record of the zip is not that of a pack.
    EndRecord,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Paths come from whoever made the pack: what would steer a terminal is escaped.
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
