//! The users of a running server. Their table is read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::problem::Problem;
use crate::users::Users;

/// A file that changed this recently is read again each time: another change may have the same time and size.
const UNSETTLED: Duration = Duration::from_secs(2);
/// Seconds after which a client should retry while the table cannot be read.
const RETRY: u64 = 10;

/// Identity of a file's content: size, time of change, and number of the file where the system has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    changed: SystemTime,
    number: u64,
}

impl Stamp {
    fn read(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&found);
        #[cfg(not(unix))]
        let number = 0;
        Some(Self { size: found.len(), changed: found.modified().ok()?, number })
    }

    fn is_settled(&self) -> bool {
        // A time in the future counts as recent.
        SystemTime::now().duration_since(self.changed).is_ok_and(|age| age > UNSETTLED)
    }
}

/// The table of users of a running server.
#[derive(Debug)]
pub(super) struct UserList {
    path: PathBuf,
    known: Mutex<Option<(Stamp, Arc<Users>)>>,
}

impl UserList {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, known: Mutex::default() }
    }

    /// The users as the table states them now. An error while it cannot be read: a user who was removed must not go on.
    pub(super) fn current(&self) -> Result<Arc<Users>, Problem> {
        // Before the table is read, so that a change meanwhile shows.
        let stamp = Stamp::read(&self.path);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(stamp), Some((of, users))) = (stamp, known.as_ref())
            && stamp == *of
            && stamp.is_settled()
        {
            return Ok(Arc::clone(users));
        }
        let users = Users::read(&self.path).map(Arc::new).map_err(|error| {
            tracing::error!("{error}");
            Problem::unavailable("the table of users cannot be read; the log of the server has the reason", RETRY)
        })?;
        *known = stamp.map(|stamp| (stamp, Arc::clone(&users)));
        Ok(users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::Role;

    #[test]
    fn a_changed_table_is_read_again_and_a_broken_one_lets_no_user_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.csv");
        let list = UserList::new(path.clone());
        let names = || list.current().map(|users| users.all().iter().map(|user| user.name.clone()).collect::<Vec<_>>());
        assert_eq!(names().unwrap_err().status, 503);
        Users::add(&path, "ana", Role::Read).unwrap();
        assert_eq!(names().unwrap(), ["ana"]);
        Users::add(&path, "bo", Role::Order).unwrap();
        assert_eq!(names().unwrap(), ["ana", "bo"]);
        // Of the same size, within the resolution of the file's time.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("ana", "eve")).unwrap();
        assert_eq!(names().unwrap(), ["eve", "bo"]);
        let old = SystemTime::now() - Duration::from_mins(1);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        assert_eq!(names().unwrap(), ["eve", "bo"]);
        assert!(Arc::ptr_eq(&list.current().unwrap(), &list.current().unwrap()), "an old table is read once");
        std::fs::write(&path, "broken").unwrap();
        assert_eq!(names().unwrap_err().status, 503);
    }
}
