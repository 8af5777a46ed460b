//! Signing keys of the user, in the format of minisign.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use fs_err as fs;
use minisign::{KeyPair, SecretKeyBox};
pub use minisign::{PublicKey, SecretKey};

use minesegsat_core::{Error, Result};

/// Bytes of a secret key: three algorithms, salt, two limits, key id, seed and public key, checksum.
const SECRET_KEY_LENGTH: usize = 158;
/// Positions of seed and public key in it.
const SEED: std::ops::Range<usize> = 62..94;
const PUBLIC_PART: std::ops::Range<usize> = 94..126;
/// Bytes of a public key: algorithm, key id, key.
const PUBLIC_KEY_LENGTH: usize = 42;
const ALGORITHM: &[u8] = b"Ed";

/// A pair of keys on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    /// File with the secret key.
    pub secret: PathBuf,
    /// File with the public key.
    pub public: PathBuf,
    /// The public key in one line.
    pub public_key: String,
    /// Id of the key pair.
    pub key_id: String,
}

/// Id of a key, as minisign prints it: 16 hexadecimal digits.
pub fn key_id(key: &PublicKey) -> String {
    shown_id(key.keynum())
}

pub(super) fn shown_id(bytes: &[u8]) -> String {
    bytes.iter().rev().map(|byte| format!("{byte:02X}")).collect()
}

/// Generates a key pair: the secret key in `path`, readable by its owner only, and the public key beside it with the
/// extension `pub`. Without a password the secret key is not encrypted. Keys are never overwritten.
pub fn generate_keys(path: &Path, password: Option<&str>) -> Result<KeyFiles> {
    let public_path = path.with_extension("pub");
    if public_path == path {
        return Err(Error::Argument {
            name: "file of the secret key",
            value: path.display().to_string(),
            accepted: "a name that does not end in `.pub`, such as `evidence.key`; the public key gets that".to_owned(),
        });
    }
    for file in [path, &public_path] {
        if file.symlink_metadata().is_ok() {
            return Err(Error::input(
                file.display().to_string(),
                "it exists already, and keys are never overwritten: packs signed with them could no longer be verified"
                    .to_owned(),
            ));
        }
    }
    let fail = |error: minisign::PError| Error::input("key", "").caused_by(error);
    let pair = match password {
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password.to_owned())),
        None => KeyPair::generate_unencrypted_keypair(),
    }
    .map_err(fail)?;
    let id = key_id(&pair.pk);
    let comment = match password {
        Some(_) => format!("minesegsat encrypted secret key {id}"),
        None => format!("minesegsat secret key {id}, not encrypted"),
    };
    let secret = pair.sk.to_box(Some(&comment)).map_err(fail)?.to_bytes();
    let public = pair.pk.to_box().map_err(fail)?.to_bytes();
    write_new(path, &secret, true)?;
    if let Err(error) = write_new(&public_path, &public, false) {
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    Ok(KeyFiles { secret: path.to_owned(), public: public_path, public_key: pair.pk.to_base64(), key_id: id })
}

/// Writes a file that must not exist, atomically.
fn write_new(path: &Path, bytes: &[u8], is_secret: bool) -> Result<()> {
    let fail = |error: &io::Error| {
        Error::Io(io::Error::new(error.kind(), format!("failed to write `{}`: {error}", path.display())))
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".minesegsat-").suffix(".partial");
    // Temporary files are private by default, which is right for a secret.
    #[cfg(unix)]
    if !is_secret {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = is_secret;
    let folder = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let mut file = builder.tempfile_in(folder).map_err(|error| fail(&error))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|error| fail(&error))?;
    file.persist_noclobber(path).map_err(|error| fail(&error.error))?;
    Ok(())
}

/// Reads a public key from its text of one line, or from a file that minisign or [`generate_keys`] wrote.
pub fn read_public_key(key_or_file: &str) -> Result<PublicKey> {
    let given = key_or_file.trim();
    if let Some(key) = public_key(given) {
        return Ok(key);
    }
    let fail = |reason: String| Error::input(format!("public key `{key_or_file}`"), reason);
    let text = match fs::read_to_string(key_or_file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let accepted = "the 56 characters of a minisign key (RW...), or a file that holds it";
            return Err(fail(format!("it is neither a key nor an existing file; expected {accepted}")));
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(fail("it is not text".to_owned())),
        Err(error) => return Err(error.into()),
    };
    if let Some(key) = text.lines().find_map(|line| public_key(line.trim())) {
        return Ok(key);
    }
    if text.lines().any(|line| STANDARD.decode(line.trim()).is_ok_and(|bytes| bytes.len() == SECRET_KEY_LENGTH)) {
        return Err(fail(
            "it holds a secret key, which must stay private; the public key is in the `.pub` file".to_owned(),
        ));
    }
    Err(fail("it holds no public key of minisign (a line of 56 characters, RW...)".to_owned()))
}

/// Decodes a public key in base64. Length and algorithm are checked here, because the crate is less strict.
fn public_key(text: &str) -> Option<PublicKey> {
    let bytes = STANDARD.decode(text).ok()?;
    let is_key = bytes.len() == PUBLIC_KEY_LENGTH && bytes.starts_with(ALGORITHM);
    is_key.then(|| PublicKey::from_bytes(&bytes).ok())?
}

/// Reads the secret key from a file that minisign or [`generate_keys`] wrote. `password` is called only for an encrypted key.
pub fn read_secret_key<E: From<Error>>(
    path: &Path,
    password: impl FnOnce() -> Result<String, E>,
) -> Result<SecretKey, E> {
    let fail = |reason: &str| Error::input(format!("secret key {}", path.display()), reason.to_owned());
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(fail("it is not text").into()),
        Err(error) => return Err(Error::from(error).into()),
    };
    let bytes = text.lines().nth(1).and_then(|line| STANDARD.decode(line.trim()).ok()).unwrap_or_default();
    if bytes.len() == PUBLIC_KEY_LENGTH && bytes.starts_with(ALGORITHM) {
        return Err(fail("it holds a public key; the secret key signs").into());
    }
    if bytes.len() != SECRET_KEY_LENGTH || !bytes.starts_with(ALGORITHM) {
        return Err(fail("it holds no secret key of minisign; `minesegsat evidence keygen` makes one").into());
    }
    if bytes[2..4] != [0, 0] {
        let password = password()?;
        let key = SecretKeyBox::from(text).into_secret_key(Some(password));
        return key.map_err(|error| fail(&error.to_string()).into());
    }
    // Not `into_unencrypted_secret_key`: it needs the checksum, which minisign 0.11 does not write in keys without a password.
    if ring::signature::Ed25519KeyPair::from_seed_and_public_key(&bytes[SEED], &bytes[PUBLIC_PART]).is_err() {
        return Err(fail("it is damaged: its secret and its public part do not belong together").into());
    }
    SecretKey::from_bytes(&bytes).map_err(|error| fail(&error.to_string()).into())
}
