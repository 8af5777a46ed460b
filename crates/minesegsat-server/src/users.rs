//! Users with roles, from a table (CSV) of names, roles and hashes of tokens.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use minesegsat_core::hex;
use minesegsat_core::output::FolderLock;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::options::ServerError;

/// Length of a new token in bytes. A random token needs no slow hash: nothing guesses 256 bits.
const TOKEN_BYTES: usize = 32;
/// Length of a SHA-256 in bytes.
const HASH_BYTES: usize = 32;
/// Columns of the table.
const COLUMNS: [&str; 3] = ["name", "role", "token_sha256"];
/// Maximum length of a user's name, in characters.
const MAX_NAME: usize = 100;

/// What a user may do. Each role may also do what the roles before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read everything.
    Read,
    /// Start and cancel jobs, and remove predictions.
    Order,
    /// Add, edit and remove sites and permits.
    Register,
}

impl Role {
    /// All roles, each with more rights than the one before it.
    pub const ALL: [Self; 3] = [Self::Read, Self::Order, Self::Register];

    /// Name of the role, as in the table of users.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Order => "order",
            Self::Register => "register",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| ServerError::Option {
            name: "role",
            value: text.to_owned(),
            accepted: "read, order or register",
        })
    }
}

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Name, which the log and the register's history state.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    token_sha256: [u8; HASH_BYTES],
}

impl User {
    /// SHA-256 of the user's token.
    pub(crate) fn token_sha256(&self) -> &[u8; HASH_BYTES] {
        &self.token_sha256
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// A row of the table.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserRow {
    name: String,
    role: Role,
    token_sha256: String,
}

/// The users of a server, in the order of their table.
///
/// ```
/// use minesegsat_server::{Role, Users};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("users.csv");
/// let token = Users::add(&path, "ana", Role::Order)?;
/// assert_eq!(token.len(), 64);
/// assert_eq!(Users::read(&path)?.all()[0].name, "ana");
/// Users::remove(&path, "ana")?;
/// assert!(Users::read(&path)?.all().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users(Vec<User>);

impl Users {
    /// Reads a table with the columns `name`, `role` and `token_sha256`.
    pub fn read(path: &Path) -> Result<Self, ServerError> {
        let text = std::fs::read(path).map_err(|error| refused(path, error))?;
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_slice());
        let columns = reader.headers().map_err(|error| refused(path, error))?;
        if COLUMNS.iter().any(|&name| columns.iter().all(|column| column != name)) {
            return Err(refused(path, "its first line must name the columns `name`, `role` and `token_sha256`"));
        }
        let mut users = Self::default();
        for row in reader.deserialize() {
            let UserRow { name, role, token_sha256 } = row.map_err(|error| refused(path, error))?;
            let token_sha256 = parse_hash(&token_sha256).ok_or_else(|| {
                refused(path, format!("the hash of user `{name}` is not accepted: 64 hexadecimal digits"))
            })?;
            users.insert(User { name, role, token_sha256 }).map_err(|reason| refused(path, reason))?;
        }
        Ok(users)
    }

    /// All users.
    pub fn all(&self) -> &[User] {
        &self.0
    }

    /// Adds a user to a table, which is created if it is missing. Returns the user's new token, which is stored nowhere.
    pub fn add(path: &Path, name: &str, role: Role) -> Result<String, ServerError> {
        let mut bytes = [0_u8; TOKEN_BYTES];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| refused(path, "the system gives no random numbers for a token"))?;
        let token = hex::encode(&bytes);
        let _lock = lock(path)?;
        let mut users = if path.exists() { Self::read(path)? } else { Self::default() };
        let user = User { name: name.trim().to_owned(), role, token_sha256: Sha256::digest(token.as_bytes()).into() };
        users.insert(user).map_err(|reason| refused(path, reason))?;
        users.write(path)?;
        Ok(token)
    }

    /// Removes a user from a table. Returns the user.
    pub fn remove(path: &Path, name: &str) -> Result<User, ServerError> {
        let _lock = lock(path)?;
        let mut users = Self::read(path)?;
        let Some(at) = users.0.iter().position(|user| user.name == name) else {
            let names: Vec<String> = users.0.iter().map(|user| format!("`{}`", user.name)).collect();
            let has =
                if names.is_empty() { "there are none".to_owned() } else { format!("users are {}", names.join(", ")) };
            return Err(refused(path, format!("no user `{name}`: {has}")));
        };
        let removed = users.0.remove(at);
        users.write(path)?;
        Ok(removed)
    }

    /// The user with this hash of a token. All hashes are compared, each in constant time.
    pub(crate) fn find(&self, token_sha256: &[u8; HASH_BYTES]) -> Option<&User> {
        let mut found = None;
        for user in &self.0 {
            if bool::from(user.token_sha256.as_slice().ct_eq(token_sha256.as_slice())) {
                found = Some(user);
            }
        }
        found
    }

    fn insert(&mut self, user: User) -> Result<(), String> {
        let name = &user.name;
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(format!("user name `{name}` is not accepted: 1 to {MAX_NAME} characters on one line"));
        }
        if self.0.iter().any(|other| other.name == *name) {
            return Err(format!("user `{name}` exists already; remove the user first to give a new token"));
        }
        if let Some(other) = self.find(&user.token_sha256) {
            return Err(format!(
                "users `{}` and `{name}` have the same token; each needs one of their own",
                other.name
            ));
        }
        self.0.push(user);
        Ok(())
    }

    /// Replaces the table at once, so that a server never reads half of it. A new table is readable only by its owner.
    fn write(&self, path: &Path) -> Result<(), ServerError> {
        let fail = |error: std::io::Error| refused(path, error);
        let target = target_of(path);
        let mut file = tempfile::NamedTempFile::new_in(folder_of(&target)).map_err(fail)?;
        let mut writer = csv::Writer::from_writer(Vec::new());
        if self.0.is_empty() {
            writer.write_record(COLUMNS).map_err(|error| refused(path, error))?;
        }
        for User { name, role, token_sha256 } in &self.0 {
            let row = UserRow { name: name.clone(), role: *role, token_sha256: hex::encode(token_sha256) };
            writer.serialize(row).map_err(|error| refused(path, error))?;
        }
        let bytes = writer.into_inner().map_err(|error| fail(error.into_error()))?;
        file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
        // A server that runs as another user may read the table still.
        if let Ok(found) = std::fs::metadata(&target) {
            #[cfg(unix)]
            keep_owner(file.as_file(), &found);
            file.as_file().set_permissions(found.permissions()).map_err(fail)?;
        }
        file.persist(&target).map_err(|error| fail(error.error))?;
        Ok(())
    }
}

/// Gives a file the owner and group of the one that it replaces, as far as the system allows that.
#[cfg(unix)]
fn keep_owner(file: &std::fs::File, replaced: &std::fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};

    let (owner, group) = (Some(replaced.uid()), Some(replaced.gid()));
    // Only root may give a file away. Others may give it to a group of theirs.
    if let Err(error) = fchown(file, owner, group).or_else(|_| fchown(file, None, group)) {
        tracing::debug!("the table of users has another owner now: {error}");
    }
}

/// The table itself, if the path is a link to it. The link stays, and one table has one lock.
fn target_of(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Excludes other programs that change the table.
fn lock(path: &Path) -> Result<FolderLock, ServerError> {
    let target = target_of(path);
    let name = target.file_name().ok_or_else(|| refused(path, "it is no file name"))?;
    let file = folder_of(&target).join(format!(".{}.lock", name.to_string_lossy()));
    FolderLock::acquire_file(file, path)
        .map_err(|error| refused(path, error))?
        .map_err(|_| refused(path, "another program changes it at this moment"))
}

fn refused(path: &Path, reason: impl fmt::Display) -> ServerError {
    ServerError::Users { path: path.to_owned(), reason: reason.to_string() }
}

fn parse_hash(text: &str) -> Option<[u8; HASH_BYTES]> {
    if text.len() != 2 * HASH_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; HASH_BYTES];
    for (byte, at) in hash.iter_mut().zip((0..text.len()).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.csv");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn a_token_finds_its_user_and_is_not_in_the_table() {
        let (_folder, path) = table("name,role,token_sha256\n");
        let ana = Users::add(&path, " ana ", Role::Read).unwrap();
        let quoted = Users::add(&path, "Bo, \"chief\"", Role::Register).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&ana) && !text.contains(&quoted), "{text}");
        let users = Users::read(&path).unwrap();
        let find = |token: &str| users.find(&Sha256::digest(token.as_bytes()).into());
        assert_eq!(find(&ana).map(|user| (user.name.as_str(), user.role)), Some(("ana", Role::Read)));
        assert_eq!(find(&quoted).map(|user| (user.name.as_str(), user.role)), Some(("Bo, \"chief\"", Role::Register)));
        assert_eq!(find("guess"), None);
        assert!(!format!("{users:?}").contains(&hex::encode(users.all()[0].token_sha256())));
    }

    #[test]
    fn a_table_that_is_wrong_is_refused_with_the_reason() {
        let hash = "ab".repeat(32);
        for (text, words) in [
            (format!("name,role,token_sha256\nana,admin,{hash}\n"), "admin"),
            (format!("name,role,token_sha256\nana,read,{hash}\nana,order,{}\n", "cd".repeat(32)), "exists already"),
            (format!("name,role,token_sha256\nana,read,{hash}\nbo,order,{hash}\n"), "the same token"),
            ("name,role,token_sha256\nana,read,abcd\n".to_owned(), "64 hexadecimal digits"),
            (format!("name,role,token_sha256\n,read,{hash}\n"), "1 to 100 characters"),
            (String::new(), "first line"),
            ("ana".to_owned(), "first line"),
            (format!("name,token_sha256\nana,{hash}\n"), "role"),
            (format!("name,role,token_sha256,mail\nana,read,{hash},x\n"), "mail"),
        ] {
            let (_folder, path) = table(&text);
            let error = Users::read(&path).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("users.csv"), "{words} is missing in {error}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(Users::read(&folder.path().join("none.csv")).is_err());
    }

    #[test]
    fn users_are_removed_by_name_and_names_are_unique() {
        let (folder, path) = table("name,role,token_sha256\n");
        Users::add(&path, "ana", Role::Read).unwrap();
        Users::add(&path, "bo", Role::Order).unwrap();
        let again = Users::add(&path, "ana", Role::Order).unwrap_err().to_string();
        assert!(again.contains("exists already"), "{again}");
        let unknown = Users::remove(&path, "eve").unwrap_err().to_string();
        assert!(unknown.contains("`ana`, `bo`"), "{unknown}");
        assert_eq!(Users::remove(&path, "ana").unwrap().role, Role::Read);
        Users::remove(&path, "bo").unwrap();
        assert!(Users::read(&path).unwrap().all().is_empty());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no lock and no temporary file stays");
    }

    #[test]
    #[cfg(unix)]
    fn a_new_table_is_readable_by_its_owner_and_an_old_one_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.csv");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        Users::add(&path, "ana", Role::Read).unwrap();
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        Users::add(&path, "bo", Role::Read).unwrap();
        assert_eq!(mode(), 0o640);
    }

    #[test]
    #[cfg(unix)]
    fn a_table_keeps_its_owner_and_a_link_stays_a_link() {
        use std::os::unix::fs::{MetadataExt, chown, symlink};

        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("users.csv"), folder.path().join("link.csv"));
        Users::add(&path, "ana", Role::Read).unwrap();
        // Only root may give it away.
        let _ = chown(&path, Some(4321), Some(4321));
        let owner = || std::fs::metadata(&path).map(|found| (found.uid(), found.gid())).unwrap();
        let before = owner();
        symlink(&path, &link).unwrap();
        Users::add(&link, "bo", Role::Read).unwrap();
        assert_eq!(owner(), before);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(Users::read(&path).unwrap().all().len(), 2);
    }

    #[test]
    fn each_role_has_the_rights_of_those_before_it() {
        assert!(Role::Read < Role::Order && Role::Order < Role::Register);
        for role in Role::ALL {
            assert_eq!(role.name().parse::<Role>().unwrap(), role);
        }
        assert!("admin".parse::<Role>().is_err());
    }
}
