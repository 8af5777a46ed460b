//! Locations of files: on disk, at a URL, or inside a zip archive.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::http::{public_url, s3, without_query};
use minesegsat_core::{Error, Result};

/// The location of a file.
///
/// `Display` and `Debug` leave out the query of a URL, because it contains the secret of a signed URL.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Location {
    /// A file or folder on disk.
    Path(PathBuf),
    /// An `http` or `https` URL, with its query.
    Url(String),
    /// A file or folder inside a zip archive on disk.
    ZipEntry {
        /// The archive.
        archive: PathBuf,
        /// Name of the entry, with `/` between folders and no `/` at the end.
        entry: String,
    },
}

impl Location {
    /// Parses a location from user input.
    ///
    /// - `https://…` and `http://…` are URLs, `s3://bucket/key` is an object in a bucket ([`s3`]);
    /// - `archive.zip/entry` (where `archive.zip` is a file) is an entry of an archive;
    /// - anything else is a path.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |accepted: &str| {
            Err(Error::Argument {
                name: "location",
                value: without_query(text).to_owned(),
                accepted: accepted.to_owned(),
            })
        };
        if text.is_empty() {
            return refuse("give a path, an https:// or s3:// URL, or archive.zip/entry");
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
                "http" | "https" if rest.trim_start_matches('/').is_empty() => refuse("the URL names no server"),
                "http" | "https" => Ok(Self::Url(text.to_owned())),
                "file" => Ok(Self::Path(PathBuf::from(rest))),
                "s3" => Ok(Self::Url(s3::Object::parse(text)?.address())),
                _ => refuse("the schemes are http, https, s3 (public buckets) and file"),
            };
        }
        // Accept both separators, for paths of every operating system.
        for (at, _) in text.match_indices(".zip/").chain(text.match_indices(".zip\\")) {
            let (archive, entry) = (&text[..at + 4], &text[at + 5..]);
            if !entry.is_empty() && Path::new(archive).is_file() {
                return Ok(Self::ZipEntry { archive: archive.into(), entry: normalise(entry) });
            }
        }
        Ok(Self::Path(PathBuf::from(text)))
    }

    /// Joins `relative` to this location, which is taken as a folder.
    ///
    /// - `.` and `..` are resolved in URLs and archives.
    /// - A URL keeps its query (the signature), unless `relative` has its own.
    /// - A path to a zip file gives an entry of the archive.
    /// - If `relative` is a URL, it is the result.
    /// - If `relative` begins with `/`, it begins at the top of the disk, server or archive.
    #[must_use]
    pub fn join(&self, relative: &str) -> Self {
        if relative.contains("://")
            && let Ok(location) = Self::parse(relative)
            // A server names no local files: see `follow`.
            && (!matches!(self, Self::Url(_)) || matches!(location, Self::Url(_)))
        {
            return location;
        }
        let under = |folder: &str| {
            normalise(&if relative.starts_with('/') { relative.to_owned() } else { format!("{folder}/{relative}") })
        };
        match self {
            Self::Path(path) if is_zip(path) => Self::ZipEntry { archive: path.clone(), entry: under("") },
            Self::Path(path) => Self::Path(path.join(relative)),
            Self::ZipEntry { archive, entry } => Self::ZipEntry { archive: archive.clone(), entry: under(entry) },
            Self::Url(url) => {
                let (server, path, query) = url_parts(url);
                let (relative, own) = relative.split_at(relative.find('?').unwrap_or(relative.len()));
                let path = if relative.starts_with('/') {
                    normalise(relative)
                } else {
                    normalise(&format!("{path}/{relative}"))
                };
                Self::Url(format!("{server}/{path}{}", if own.is_empty() { query } else { own }))
            }
        }
    }

    /// The parent folder, or `None` at the top.
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Path(path) => path.parent().map(|p| Self::Path(p.to_path_buf())),
            Self::ZipEntry { archive, entry } => Some(match entry.rsplit_once('/') {
                Some((folder, _)) => Self::ZipEntry { archive: archive.clone(), entry: folder.to_owned() },
                None => Self::Path(archive.clone()),
            }),
            Self::Url(url) => {
                let (server, path, query) = url_parts(url);
                let at = path.trim_end_matches('/').rfind('/')?;
                Some(Self::Url(format!("{server}{}{query}", &path[..at])))
            }
        }
    }

    /// The last part of the name, such as `B02.tif`. Empty at the top.
    pub fn file_name(&self) -> &str {
        match self {
            Self::Path(path) => path.file_name().and_then(|n| n.to_str()).unwrap_or_default(),
            Self::ZipEntry { entry, .. } => entry.rsplit('/').next().unwrap_or_default(),
            Self::Url(url) => url_parts(url).1.rsplit('/').next().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(&public_url(url)),
            Self::ZipEntry { archive, entry } => write!(f, "{}/{entry}", archive.display()),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Path(_) => "Path",
            Self::Url(_) => "Url",
            Self::ZipEntry { .. } => "ZipEntry",
        };
        write!(f, "{kind}({self})")
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_path_buf())
    }
}

/// Scheme and server, path (empty, or beginning with `/`), and query with fragment of a URL.
fn url_parts(url: &str) -> (&str, &str, &str) {
    let address = without_query(url);
    let host = address.find("://").map_or(0, |at| at + 3);
    let path = address[host..].find('/').map_or(address.len(), |at| host + at);
    (&address[..path], &address[path..], &url[address.len()..])
}

fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip")) && path.is_file()
}

/// Resolves `.`, `..` and doubled separators, without a separator at either end. `..` at the top is ignored.
fn normalise(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Location {
        Location::Url(text.to_owned())
    }

    #[test]
    fn secrets_of_a_url_are_never_shown() {
        let location = Location::parse("https://user:pw@host/a/B02.tif?sig=SECRET#x").unwrap();
        assert_eq!(location.to_string(), "https://host/a/B02.tif");
        assert_eq!(format!("{location:?}"), "Url(https://host/a/B02.tif)");
        let error = Location::parse("gs://bucket/key?sig=SECRET").unwrap_err().to_string();
        assert!(!error.contains("SECRET") && error.contains("s3"), "{error}");
    }

    #[test]
    fn urls_join_before_their_query() {
        let scene = url("https://host/scene/?sig=1");
        assert_eq!(scene.join("./GRANULE/B02.jp2"), url("https://host/scene/GRANULE/B02.jp2?sig=1"));
        assert_eq!(scene.join("../other.tif"), url("https://host/other.tif?sig=1"));
        assert_eq!(scene.join("https://b/x.tif"), url("https://b/x.tif"));
        assert_eq!(scene.join("/top.tif?own"), url("https://host/top.tif?own"));
        assert_eq!(url("https://host").join("a"), url("https://host/a"));
        assert_eq!(url("https://host/a/item.json?x").parent(), Some(url("https://host/a?x")));
        assert_eq!(url("https://host").parent(), None);
        assert_eq!(url("https://host/a/B02.tif?q=/z").file_name(), "B02.tif");
        assert_eq!(url("https://host").file_name(), "");
    }

    #[test]
    fn buckets_become_https() {
        assert_eq!(Location::parse("s3://b/k/v.tif").unwrap(), url("https://b.s3.amazonaws.com/k/v.tif"));
        assert_eq!(Location::parse("s3://b.c/k").unwrap(), url("https://s3.amazonaws.com/b.c/k"));
        assert!(Location::parse("s3://bucket").is_err());
    }

    #[test]
    fn an_existing_archive_opens_like_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.zip");
        let text = format!("{}/S2.SAFE/MTD.xml", archive.display());
        assert_eq!(Location::parse(&text).unwrap(), Location::Path(text.clone().into()), "no such file yet");
        fs_err::write(&archive, b"").unwrap();
        let entry = Location::ZipEntry { archive: archive.clone(), entry: "S2.SAFE/MTD.xml".into() };
        assert_eq!(Location::parse(&text).unwrap(), entry);
        assert_eq!(Location::Path(archive.clone()).join("S2.SAFE").join("MTD.xml"), entry);
        assert_eq!(entry.parent().unwrap().parent(), Some(Location::Path(archive)));
    }
}
