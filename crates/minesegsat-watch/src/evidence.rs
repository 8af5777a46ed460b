//! Evidence packs: the files of an observation, with hashes and a signature that can be verified later.
//!
//! A pack is a zip of these files, sorted by name:
//!
//! | file | content |
//! |---|---|
//! | `README.txt` | description of the pack, and how to verify it, also by hand |
//! | `SHA256SUMS` | hashes of the other files, for `sha256sum -c` |
//! | `files/...` | files of the observation: images, polygons, rasters, manifests |
//! | `manifest.json` | site, permit, observation, scenes, model, parameters, software, and path, size and SHA-256 of every other file |
//! | `manifest.json.minisig` | signature of `manifest.json`, in the format of [minisign] |
//! | `permit.geojson`, `site.geojson` | boundaries |
//!
//! The signature covers the manifest, and the manifest has the hashes of all other files. Neither covers the structure of the
//! zip itself. That structure is fixed and [`verify`] checks it, so no byte of a pack can change unnoticed. The same input
//! gives the same bytes, except for the signature: it contains the time, and signing uses random numbers.
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
pub use self::pack::{PackInput, PackSummary, check_files, pack};
pub use self::parameters::parameters_of;
pub use self::verify::{SignatureRecord, Status, Verification, verify};

/// Value of `format` in a manifest.
const FORMAT: &str = "minesegsat evidence pack";
/// Version of the pack layout.
const FORMAT_VERSION: u32 = 1;
const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.json.minisig";
const REPORT: &str = "report.pdf";
const README: &str = "README.txt";
const SUMS: &str = "SHA256SUMS";
const SITE: &str = "site.geojson";
const PERMIT: &str = "permit.geojson";
/// Folder of the observation's files in a pack.
const FILES: &str = "files";
/// The untrusted comment of signatures. The signature does not cover it, so exactly this text is required.
const UNTRUSTED_COMMENT: &str = "signature of an evidence pack of minesegsat";

/// Problem of a file's path in a pack, if any.
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
