//! Evidence packs: what was seen at a site on a day, with hashes and a signature that stand up later.
//!
//! A pack is a zip of these files, sorted by name:
//!
//! | file | what it is |
//! |---|---|
//! | `README.txt` | what this is and how to check it, also by hand |
//! | `SHA256SUMS` | hashes of the other files, for `sha256sum -c` |
//! | `files/...` | what the observation left: images, polygons, rasters, manifests |
//! | `manifest.json` | site, permit, observation, scenes, model, parameters, software, and path, size and SHA-256 of every other file |
//! | `manifest.json.minisig` | signature of `manifest.json`, in the format of [minisign] |
//! | `permit.geojson`, `site.geojson` | boundaries |
//!
//! The signature is on the manifest, and the manifest has the hashes of the rest. What neither covers are the bytes of the zip
//! itself; there is only one way to write them ([`verify`] compares), so that not one byte of a pack can change unseen.
//! The same input gives the same bytes but for those of the signature: it carries the time, and is made with random numbers besides.
//!
//! [minisign]: https://jedisct1.github.io/minisign/

mod container;
mod finding;
mod key;
mod manifest;
mod pack;
mod parameters;
#[cfg(test)]
mod tests;
mod verify;

pub use self::finding::Finding;
pub use self::key::{KeyFiles, PublicKey, SecretKey, generate_keys, key_id, read_public_key, read_secret_key};
pub use self::pack::{PackInput, PackSummary, pack};
pub use self::parameters::parameters_of;
pub use self::verify::{SignatureRecord, Status, Verification, verify};

/// What a manifest says that it is.
const FORMAT: &str = "minesegsat evidence pack";
/// Version of the layout of packs.
const FORMAT_VERSION: u32 = 1;
const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.json.minisig";
const README: &str = "README.txt";
const SUMS: &str = "SHA256SUMS";
const SITE: &str = "site.geojson";
const PERMIT: &str = "permit.geojson";
/// Folder of the observation's files.
const FILES: &str = "files";
/// The comment that anybody can change without breaking the signature, so it has to be this one.
const UNTRUSTED_COMMENT: &str = "signature of an evidence pack of minesegsat";

/// What is wrong with the path of a file in a pack, if anything.
fn path_problem(path: &str) -> Option<&'static str> {
    let mut parts = path.split('/');
    if path.starts_with('/') {
        Some("it is absolute")
    } else if parts.clone().any(|part| part == "..") {
        Some("it leads out of the folder")
    } else if parts.any(|part| part.is_empty() || part == ".") {
        Some("it has an empty part")
    } else if path.contains(|c: char| c.is_control() || matches!(c, '\\' | ':')) {
        Some("it has a backslash, a colon or a control character")
    } else if path.len() > 1000 {
        Some("it is longer than 1000 bytes")
    } else {
        None
    }
}
