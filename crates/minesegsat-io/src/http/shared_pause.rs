//! Pauses that processes share: a server that asks one of them to wait is not asked by the others either.
//!
//! The first process that a server answers with 429 or 503 writes `HOST.json` to a folder that all of them see. Before each
//! request every process looks at the file of its server, and waits until the pause is over.
//!
//! ```text
//! FOLDER/earth-search.example.com.json    {"seconds": 4.0, "reason": "429 Too Many Requests"}
//! ```
//! - The pause begins when the file was written, by the clock of the file system. The present moment is the time of a file
//!   that is written for the purpose. So the clocks of the machines do not matter.
//! - It lasts as long as `Retry-After` says. Without that header it is that of [`HttpOptions::backoff`], and doubles with
//!   each refusal. Two minutes after the last pause it begins anew.
//! - Refusals during a pause, of requests that were under way, do not make it longer, unless `Retry-After` does.
//! - At its end each process waits up to half of it more, at random. So they do not all return at the same time.
//! - A file that cannot be read or written is no reason to fail: the process then has its own pauses only.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use minesegsat_core::output::atomic_write;
use reqwest::{Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{HttpOptions, LONGEST_PAUSE, chance, parse_retry_after};

/// A request waits at most this long for others. Then it is sent, so that a server that refuses for ever is reported.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// Maximum size in bytes of a file that is read.
const LARGEST_FILE: u64 = 4096;

static FOLDERS: RwLock<Vec<PathBuf>> = RwLock::new(Vec::new());
static KNOWN: LazyLock<Mutex<HashMap<PathBuf, Known>>> = LazyLock::new(Mutex::default);

/// The requests of this process share the pauses in a folder, as long as this guard lives.
#[derive(Debug)]
#[must_use = "pauses are no longer shared when the guard is dropped"]
pub struct SharedPauses(PathBuf);

/// Shares pauses with all processes that name the same folder. It is made when the first server asks for a pause.
pub fn share_pauses_in(folder: &Path) -> SharedPauses {
    FOLDERS.write().unwrap_or_else(PoisonError::into_inner).push(folder.to_owned());
    SharedPauses(folder.to_owned())
}

impl Drop for SharedPauses {
    fn drop(&mut self) {
        let mut folders = FOLDERS.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = folders.iter().position(|folder| *folder == self.0) {
            folders.swap_remove(at);
        }
    }
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pause {
    /// Length from the moment of writing.
    seconds: f64,
    /// Why, for people.
    reason: String,
}

/// A pause by the clock of this process.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Known {
    /// Time of the file, by the clock of the file system.
    written: SystemTime,
    seconds: f64,
    end: Instant,
}

/// Waits until no process must wait for the server of a URL.
pub(super) async fn wait(url: &str) {
    let begun = Instant::now();
    loop {
        let now = Instant::now();
        let ends = files_of(url).into_iter().filter_map(|file| known(&file)).map(|known| known.end);
        let Some(left) = ends.filter_map(|end| end.checked_duration_since(now)).max().filter(|left| !left.is_zero())
        else {
            return;
        };
        if now.duration_since(begun) > LONGEST_WAIT {
            return;
        }
        tracing::debug!(server = super::public_url(url), ?left, "waiting: the server asked this or another process to");
        tokio::time::sleep(left.mul_f64(1.0 + 0.5 * chance())).await;
    }
}

/// Tells the other processes if the server of a URL asks for a pause.
pub(super) fn note(url: &str, response: &Response) {
    let status = response.status();
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return;
    }
    let asked = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let asked = asked.and_then(parse_retry_after).filter(|pause| !pause.is_zero());
    let first = HttpOptions::current().map_or(Duration::ZERO, |options| options.backoff);
    for file in files_of(url) {
        let Some(pause) = next(known(&file), asked, first, Instant::now()) else { continue };
        let pause = Pause { seconds: pause.as_secs_f64(), reason: format!("the server answered {status}") };
        if let Err(error) = write(&file, &pause) {
            tracing::debug!("the pause of a server is not shared: {error}");
        }
    }
}

/// The pause after a refusal. `None` if the one that runs is long enough.
fn next(known: Option<Known>, asked: Option<Duration>, first: Duration, now: Instant) -> Option<Duration> {
    let pause = match (asked, known) {
        (Some(asked), _) => asked,
        (None, Some(known)) if known.end > now => return None,
        (None, Some(known)) if now.duration_since(known.end) < LONGEST_PAUSE => {
            Duration::try_from_secs_f64(known.seconds * 2.0).unwrap_or(LONGEST_PAUSE).max(first)
        }
        (None, _) => first,
    };
    let pause = pause.min(LONGEST_PAUSE);
    let is_running = known.is_some_and(|known| known.end >= now + pause);
    (!pause.is_zero() && !is_running).then_some(pause)
}

/// The files about the server of a URL, one in each shared folder.
fn files_of(url: &str) -> Vec<PathBuf> {
    let folders = FOLDERS.read().unwrap_or_else(PoisonError::into_inner);
    if folders.is_empty() {
        return Vec::new();
    }
    let Some(name) = file_name(url) else { return Vec::new() };
    folders.iter().map(|folder| folder.join(&name)).collect()
}

/// Host and port of a URL as a file name.
fn file_name(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let port = url.port().map(|port| format!("_{port}")).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let host: String = url.host_str()?.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    Some(format!("{host}{port}.json"))
}

/// The pause in a file. Its end is computed once and kept, so that a pause that is over costs no more than reading the file.
fn known(file: &Path) -> Option<Known> {
    let opened = File::open(file).ok()?;
    let written = opened.metadata().ok()?.modified().ok()?;
    let mut text = String::new();
    opened.take(LARGEST_FILE).read_to_string(&mut text).ok()?;
    let pause: Pause = serde_json::from_str(&text).ok()?;
    let seconds = Duration::try_from_secs_f64(pause.seconds).ok()?.min(LONGEST_PAUSE);
    let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let is_same = |known: &&Known| known.written == written && known.seconds == pause.seconds;
    if let Some(known) = all.get(file).filter(is_same) {
        return Some(*known);
    }
    // Clocks of file systems may jump as well; no wait is longer than the pause.
    let age = file_system_time(file.parent()?).ok()?.duration_since(written).unwrap_or_default();
    let now = Instant::now();
    let end = match seconds.checked_sub(age) {
        Some(left) => now + left,
        None => now.checked_sub(age.saturating_sub(seconds)).unwrap_or(now),
    };
    let known = Known { written, seconds: pause.seconds, end };
    all.insert(file.to_owned(), known);
    Some(known)
}

/// The present moment by the clock of the file system of a folder.
fn file_system_time(folder: &Path) -> std::io::Result<SystemTime> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(b"now")?;
    file.metadata()?.modified()
}

fn write(file: &Path, pause: &Pause) -> minesegsat_core::Result<()> {
    if let Some(folder) = file.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let text = serde_json::to_string(pause).map_err(std::io::Error::from)?;
    atomic_write(file, (text + "\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_files_of_their_own() {
        for (url, name) in [
            ("https://user:pw@api.example.org/v1/search?token=SECRET", "api.example.org.json"),
            ("http://127.0.0.1:8080/a", "127.0.0.1_8080.json"),
            ("http://[::1]:80/", "___1_.json"),
            ("https://EXAMPLE.org:444/", "example.org_444.json"),
        ] {
            assert_eq!(file_name(url).unwrap(), name, "{url}");
        }
        assert_eq!(file_name("no address"), None);
    }

    #[test]
    fn pauses_double_and_a_burst_of_refusals_counts_once() {
        let seconds = Duration::from_secs;
        let now = Instant::now() + seconds(1000);
        let at =
            |length: u64, end: Instant| Some(Known { written: SystemTime::UNIX_EPOCH, seconds: length as f64, end });
        assert_eq!(next(None, None, seconds(1), now), Some(seconds(1)));
        assert_eq!(next(None, None, Duration::ZERO, now), None);
        assert_eq!(next(None, Some(seconds(7)), seconds(1), now), Some(seconds(7)));
        assert_eq!(next(None, Some(seconds(9999)), seconds(1), now), Some(LONGEST_PAUSE));
        assert_eq!(next(at(4, now + seconds(2)), None, seconds(1), now), None, "it runs");
        assert_eq!(next(at(4, now + seconds(2)), Some(seconds(1)), seconds(1), now), None, "it runs longer");
        assert_eq!(next(at(4, now + seconds(2)), Some(seconds(9)), seconds(1), now), Some(seconds(9)));
        let ago = |length: u64| now.checked_sub(seconds(length)).unwrap();
        assert_eq!(next(at(4, ago(2)), None, seconds(1), now), Some(seconds(8)));
        assert_eq!(next(at(100, ago(2)), None, seconds(1), now), Some(LONGEST_PAUSE));
        assert_eq!(next(at(4, ago(130)), None, seconds(1), now), Some(seconds(1)), "long ago");
    }

    #[test]
    fn the_age_of_a_pause_is_that_by_the_clock_of_the_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("host.json");
        assert_eq!(known(&file), None);
        write(&file, &Pause { seconds: 100.0, reason: "test".to_owned() }).unwrap();
        let fresh = known(&file).unwrap();
        assert!(fresh.end > Instant::now() + Duration::from_secs(50));
        assert_eq!(known(&file), Some(fresh), "the same file has the same end");
        // The same pause, written 90 s earlier.
        let earlier = File::options().write(true).open(&file).unwrap();
        earlier.set_modified(fresh.written - Duration::from_secs(90)).unwrap();
        let old = known(&file).unwrap();
        assert!(old.end <= Instant::now() + Duration::from_secs(10));
        // A time in the future counts as now.
        earlier.set_modified(fresh.written + Duration::from_hours(5)).unwrap();
        assert!(known(&file).unwrap().end <= Instant::now() + Duration::from_secs(100));
        // No text of a file makes a process wait for hours, or fail.
        for (text, longest) in
            [("{\"seconds\":1e9,\"reason\":\"\"}", 120), ("{\"seconds\":-1,\"reason\":\"\"}", 0), ("{", 0)]
        {
            std::fs::write(&file, text).unwrap();
            let end = known(&file).map_or(Instant::now(), |known| known.end);
            assert!(end <= Instant::now() + Duration::from_secs(longest), "{text}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else stays in the folder");
    }
}
