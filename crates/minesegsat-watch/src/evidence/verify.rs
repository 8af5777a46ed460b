//! Verification of a pack, offline and without trusting anything inside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Cursor, Read, Seek},
    path::Path,
};

use fs_err as fs;
use minisign::{SignatureBones, SignatureBox};
use serde::Serialize;
use serde_json::Value;

use super::container::{Content, Index};
use super::key::shown_id;
use super::manifest::{Listing, Unusable};
use super::{FORMAT_VERSION, Finding, MANIFEST, PublicKey, SIGNATURE, UNTRUSTED_COMMENT, key_id, path_problem};
use minesegsat_core::Result;

/// Maximum length of a manifest, in bytes.
const MAX_MANIFEST: u64 = 64 << 20;
/// Maximum length of a signature, in bytes. It has four short lines.
const MAX_SIGNATURE: u64 = 64 << 10;

/// Overall result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Unchanged since the owner of the given key signed it.
    Authenticated,
    /// Consistent, but its author is unknown because no key was given.
    NotAuthenticated,
    /// Something is wrong with it, or it cannot be verified with the given key.
    Unsound,
}

/// Content of a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureRecord {
    /// Id of the key that it claims.
    pub key_id: String,
    /// Trusted comment: time and description.
    pub trusted_comment: String,
}

/// Details of a verification.
#[derive(Debug, Clone)]
pub struct Verification {
    /// Whether the owner of the given key signed this manifest. The files may still differ from it.
    pub is_signed: bool,
    /// The signature, if it is readable. Nothing in it is proven unless `is_signed`.
    pub signature: Option<SignatureRecord>,
    /// The manifest, if it is readable. Nothing in it is proven unless `is_signed`.
    pub manifest: Option<Value>,
    /// Number of files that match the manifest.
    pub sound_files: usize,
    /// All problems found.
    pub findings: Vec<Finding>,
}

impl Verification {
    /// The overall result.
    pub fn status(&self) -> Status {
        match (self.findings.is_empty(), self.is_signed) {
            (false, _) => Status::Unsound,
            (true, true) => Status::Authenticated,
            (true, false) => Status::NotAuthenticated,
        }
    }
}

/// Verifies a pack. `key` must come from its owner through another channel. Without a key only the hashes are checked, which
/// a forger could change together with a file.
pub fn verify(path: &Path, key: Option<&PublicKey>) -> Result<Verification> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    Ok(check(&mut file, length, key)?)
}

pub(super) fn check<S: Read + Seek>(source: &mut S, length: u64, key: Option<&PublicKey>) -> io::Result<Verification> {
    let index = Index::read(source, length)?;
    let (coverage, overlapping) = index.coverage(length);
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(index.damage.clone().map(|reason| Finding::Damaged { reason }));

    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, entry) in index.entries.iter().enumerate() {
        places.entry(&entry.path).or_default().push(i);
        let problem = if entry.is_utf8() {
            // A separate entry for a folder, as other programs write it, is an added file but not a danger.
            path_problem(entry.path.strip_suffix('/').unwrap_or(&entry.path))
        } else {
            Some("it is not UTF-8")
        };
        if let Some(reason) = problem {
            findings.push(Finding::UnsafePath { path: entry.path.clone(), reason: reason.to_owned() });
        }
    }
    for (path, places) in &places {
        if places.len() > 1 {
            findings.push(Finding::Repeated { path: (*path).to_owned(), times: places.len() });
        }
    }

    // Overlapping entries are only reported. Unpacking them could be a zip bomb.
    let usable = |path: &str| match places.get(path).map(Vec::as_slice) {
        None => Lookup::Missing,
        Some(&[i]) if !overlapping.contains(&i) => Lookup::At(i),
        Some(_) => Lookup::Reported,
    };
    let mut contents: Vec<Option<Content>> = vec![None; index.entries.len()];
    let mut whole = |path: &str, limit: u64, findings: &mut Vec<Finding>| -> Option<Vec<u8>> {
        let i = match usable(path) {
            Lookup::At(i) => i,
            Lookup::Reported => return None,
            Lookup::Missing => {
                findings.push(Finding::Missing { path: path.to_owned() });
                return None;
            }
        };
        let mut bytes = Vec::new();
        let read = index.entries[i].open(source, limit).and_then(|mut entry| {
            entry.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
            if bytes.len() as u64 > limit { Err(format!("it is longer than {limit} bytes")) } else { Ok(()) }
        });
        if let Err(reason) = read {
            findings.push(Finding::Unreadable { path: path.to_owned(), reason });
            return None;
        }
        contents[i] = Content::read(&*bytes).ok();
        Some(bytes)
    };
    let manifest = whole(MANIFEST, MAX_MANIFEST, &mut findings);
    let signature = whole(SIGNATURE, MAX_SIGNATURE, &mut findings);

    let signature = signature.and_then(|bytes| match parse_signature(&bytes) {
        Ok(signature) => Some(signature),
        Err(reason) => {
            findings.push(Finding::SignatureUnusable { reason });
            None
        }
    });
    let mut is_signed = false;
    if let (Some(manifest), Some((signature, _)), Some(key)) = (&manifest, &signature, key) {
        match check_signature(manifest, signature, key) {
            None => is_signed = true,
            Some(finding) => findings.push(finding),
        }
    }

    let listing = manifest.and_then(|bytes| match Listing::parse(&bytes) {
        Ok(listing) => Some(listing),
        Err(Unusable::Newer(version)) => {
            findings.push(Finding::NewerFormat { version, known: FORMAT_VERSION });
            None
        }
        Err(Unusable::Other(reason)) => {
            findings.push(Finding::ManifestUnusable { reason });
            None
        }
    });
    let mut sound_files = 0;
    if let Some(listing) = &listing {
        for record in &listing.files {
            let path = record.path.clone();
            let i = match usable(&path) {
                Lookup::At(i) => i,
                Lookup::Reported => continue,
                Lookup::Missing => {
                    findings.push(Finding::Missing { path });
                    continue;
                }
            };
            let entry = &index.entries[i];
            let (size, sha256) = (record.size, record.sha256.clone());
            if entry.size() != size {
                let found_size = entry.size();
                findings.push(Finding::Changed { path, size, sha256, found_size, found_sha256: None });
                continue;
            }
            let read = entry.open(source, size).and_then(|entry| Content::read(entry).map_err(|e| e.to_string()));
            match read {
                Ok(content) if content.size == size && content.sha256 == sha256 => {
                    sound_files += 1;
                    contents[i] = Some(content);
                }
                Ok(content) => findings.push(Finding::Changed {
                    path,
                    size,
                    sha256,
                    found_size: content.size,
                    found_sha256: Some(content.sha256),
                }),
                Err(reason) => findings.push(Finding::Unreadable { path, reason }),
            }
        }
        let known: BTreeSet<&str> =
            listing.files.iter().map(|file| file.path.as_str()).chain([MANIFEST, SIGNATURE]).collect();
        for path in places.keys().filter(|path| !known.contains(*path)) {
            findings.push(Finding::Added { path: (*path).to_owned() });
        }
    }
    findings.extend(coverage);
    findings.extend(index.layout(&contents));
    Ok(Verification {
        is_signed,
        signature: signature.map(|(_, record)| record),
        manifest: listing.map(|listing| listing.document),
        sound_files,
        findings,
    })
}

/// Result of looking up a file in the zip.
enum Lookup {
    Missing,
    At(usize),
    /// The file has a problem that is already among the findings.
    Reported,
}

/// Parses a signature. Only one spelling is accepted, so that no byte of it can change unnoticed.
fn parse_signature(bytes: &[u8]) -> Result<(SignatureBox, SignatureRecord), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    // 74 and 64 bytes in base64. The crate requires 64 bytes in the last line, and ignores any further bytes.
    let lines: Vec<&str> = text.lines().collect();
    let has_lines = matches!(lines[..], [_, a, _, b] if a.len() == 100 && b.len() == 88 && b.ends_with("=="));
    if !has_lines {
        return Err("it does not have the four lines of a minisign signature".to_owned());
    }
    let signature = SignatureBox::from_string(text).map_err(|error| error.to_string())?;
    if !signature.is_prehashed() {
        return Err("it is of the old kind, without a hash of the whole manifest".to_owned());
    }
    let comment = signature.untrusted_comment().map_err(|error| error.to_string())?;
    if comment != UNTRUSTED_COMMENT {
        return Err(format!("its untrusted comment is `{comment}` instead of `{UNTRUSTED_COMMENT}`"));
    }
    let trusted_comment = signature.trusted_comment().map_err(|error| error.to_string())?;
    if signature.to_string() != text {
        return Err("its lines are not written as minisign writes them".to_owned());
    }
    let record = SignatureRecord { key_id: shown_id(signature.keynum()), trusted_comment };
    Ok((signature, record))
}

pub(super) fn check_signature(manifest: &[u8], signature: &SignatureBox, key: &PublicKey) -> Option<Finding> {
    let given = key_id(key);
    if signature.keynum() != key.keynum() {
        return Some(Finding::UnknownKey { signed_with: shown_id(signature.keynum()), given });
    }
    let holds =
        |signature: &SignatureBox| minisign::verify(key, signature, Cursor::new(manifest), true, false, false).is_ok();
    // Again without its comment, to find out which of the two was changed.
    if !holds(&SignatureBox::from(SignatureBones::from(signature.clone()))) {
        return Some(Finding::ManifestAltered { key_id: given });
    }
    (!holds(signature)).then_some(Finding::CommentAltered { key_id: given })
}
