//! Locations of files: on disk, at a URL, or inside a zip archive.

use std::ffi::OsStr;
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
    /// Parses a location from user input, or an absolute address of a document.
    ///
    /// - `https://…` and `http://…` are URLs, `s3://bucket/key` is an object in a bucket ([`s3`]);
    /// - `file:///…` and `file://localhost/…` are paths, percent-encoded (RFC 8089);
    /// - GDAL's `/vsicurl/`, `/vsis3/` and `/vsizip/` are what they stand for;
    /// - `archive.zip/entry` (where `archive.zip` is a file) is an entry of an archive;
    /// - anything else is a path.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |accepted: &str| Err(refused(text, accepted));
        if text.is_empty() {
            return refuse("give a path, an https:// or s3:// URL, or archive.zip/entry");
        }
        if let Some((kind, rest)) = gdal_path(text) {
            return match kind.trim_end_matches("_streaming") {
                "curl" if rest.contains("://") => Self::parse(rest),
                "s3" => Self::parse(&format!("s3://{rest}")),
                "gs" => Self::parse(&format!("gs://{rest}")),
                // GDAL allows braces around the archive.
                "zip" if !rest.contains("://") && !rest.starts_with("/vsi") => {
                    Self::parse(&rest.replace(['{', '}'], ""))
                }
                "zip" => refuse("an archive must be on disk: download it first"),
                _ => refuse("of GDAL's paths, /vsicurl/, /vsis3/ and /vsizip/ are supported: download it first"),
            };
        }
        if let Some(rest) = strip_scheme(text, "file") {
            return match file_path(rest) {
                Some(path) => Ok(Self::Path(path)),
                None => refuse("a file URL is file:///path or file://localhost/path on this computer"),
            };
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
                "http" | "https" if rest.trim_start_matches('/').is_empty() => refuse("the URL names no server"),
                "http" | "https" => Ok(Self::Url(text.to_owned())),
                "s3" => Ok(Self::Url(s3::Object::parse(text)?.address())),
                "gs" => refuse(&format!(
                    "Google Cloud Storage is read at its https address: https://storage.googleapis.com/{}",
                    without_query(text).split_once("://").map_or(rest, |(_, key)| key)
                )),
                _ => refuse(
                    "the schemes are http, https, s3 (public buckets) and file; use the https:// address, or \
                     download the file first",
                ),
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

    /// Like [`Location::parse`], for text of the command line, which need not be UTF-8. Text that is not UTF-8 is a path.
    pub fn from_os(text: &OsStr) -> Result<Self> {
        text.to_str().map_or_else(|| Ok(Self::Path(PathBuf::from(text))), Self::parse)
    }

    /// The location that a document in this folder means by `href`, a URI reference (RFC 3986): an absolute address, or a
    /// path relative to this folder, percent-encoded.
    ///
    /// Not every program encodes its paths. If the decoded path does not exist, the path as it is written is tried, and
    /// then that with `/` for `\`. A document on a server cannot name a file on this computer.
    pub fn resolve(&self, href: &str) -> Result<Self> {
        if href.contains("://") || strip_scheme(href, "file").is_some() || gdal_path(href).is_some() {
            return match Self::parse(href)? {
                url @ Self::Url(_) => Ok(url),
                _ if matches!(self, Self::Url(_)) => {
                    Err(refused(href, "a document on a server must not name a file on this computer"))
                }
                local => Ok(local),
            };
        }
        match self {
            Self::Path(folder) if href.contains(['%', '\\']) => Ok(Self::Path(first_existing([
                folder.join(decoded(href)),
                folder.join(href),
                folder.join(href.replace('\\', "/")),
            ]))),
            _ => Ok(self.join(href)),
        }
    }

    /// The name of an archive's entry with `/` as separator. `None` for names that lead out of the archive (`..`, a
    /// leading `/`, a drive), which are never read.
    pub fn entry_name(name: &str) -> Option<String> {
        let leads_out = name.split(['/', '\\']).any(|part| part == "..")
            || name.starts_with(['/', '\\'])
            || name.as_bytes().get(1) == Some(&b':');
        (!leads_out).then(|| normalise(name))
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

    /// The last part of the name, such as `B02.tif`. Empty at the top. Of a name that is not UTF-8, what follows its last
    /// invalid byte.
    pub fn file_name(&self) -> &str {
        match self {
            Self::Path(path) => path.file_name().map(valid_end).unwrap_or_default(),
            Self::ZipEntry { entry, .. } => entry.rsplit('/').next().unwrap_or_default(),
            Self::Url(url) => url_parts(url).1.rsplit('/').next().unwrap_or_default(),
        }
    }
}

/// The end of a name that is valid UTF-8.
fn valid_end(name: &OsStr) -> &str {
    let mut bytes = name.as_encoded_bytes();
    loop {
        match std::str::from_utf8(bytes) {
            Ok(text) => return text,
            Err(error) => {
                let invalid = error.valid_up_to() + error.error_len().unwrap_or(bytes.len() - error.valid_up_to());
                bytes = &bytes[invalid..];
            }
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

/// The error for a text that names no supported location.
fn refused(text: &str, accepted: &str) -> Error {
    Error::Argument { name: "location", value: without_query(text).to_owned(), accepted: accepted.to_owned() }
}

/// Kind and rest of a path of GDAL's virtual file systems: `curl` and `https://host/x.tif` of `/vsicurl/https://host/x.tif`.
fn gdal_path(text: &str) -> Option<(&str, &str)> {
    const KINDS: [&str; 18] = [
        "curl", "s3", "gs", "az", "adls", "oss", "swift", "hdfs", "webhdfs", "zip", "gzip", "tar", "7z", "rar", "mem",
        "subfile", "sparse", "crypt",
    ];
    let (kind, rest) = text.strip_prefix("/vsi")?.split_once('/')?;
    KINDS.contains(&kind.trim_end_matches("_streaming")).then_some((kind, rest))
}

/// The part after `scheme:/`, with that slash, for any case of the scheme.
fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (found, rest) = text.split_once(':')?;
    (found.eq_ignore_ascii_case(scheme) && rest.starts_with('/')).then_some(rest)
}

/// The path of a file URL without its `file:`. `None` if it names another computer.
fn file_path(rest: &str) -> Option<PathBuf> {
    let path = match rest.strip_prefix("//") {
        Some(rest) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            if !host.is_empty() && !host.eq_ignore_ascii_case("localhost") {
                // Some programs write relative paths in this way.
                return Some(first_existing([decoded(rest), PathBuf::from(rest)])).filter(|path| path.exists());
            }
            path
        }
        None => rest,
    };
    let has_drive = cfg!(windows) && path.as_bytes().get(2) == Some(&b':');
    let path = if has_drive { &path[1..] } else { path };
    Some(first_existing([decoded(path), PathBuf::from(path)]))
}

/// A path without its percent-encoding.
fn decoded(path: &str) -> PathBuf {
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
    #[cfg(unix)]
    return PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes));
    #[cfg(not(unix))]
    return PathBuf::from(String::from_utf8_lossy(&bytes).into_owned());
}

/// The first of these paths that exists; the first one if none does.
fn first_existing<const N: usize>(paths: [PathBuf; N]) -> PathBuf {
    let at = paths.iter().position(|path| path.exists()).unwrap_or(0);
    paths.into_iter().nth(at).unwrap_or_default()
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
        let error = Location::parse("abfs://bucket/key?sig=SECRET").unwrap_err().to_string();
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
        #[cfg(unix)]
        for (name, end) in
            [(&b"sc\xe9ne_B04.tif"[..], "ne_B04.tif"), (b"a\xff", ""), (b"a\xe2\x82", ""), (b"\xc3\xa9", "é")]
        {
            let name: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(name);
            assert_eq!(Location::Path(PathBuf::from("d").join(name)).file_name(), end);
        }
    }

    #[test]
    fn buckets_become_https() {
        assert_eq!(Location::parse("s3://b/k/v.tif").unwrap(), url("https://b.s3.amazonaws.com/k/v.tif"));
        assert_eq!(Location::parse("s3://b.c/k").unwrap(), url("https://s3.amazonaws.com/b.c/k"));
        assert!(Location::parse("s3://bucket").is_err());
        for text in ["gs://b/k/v.tif?sig=SECRET", "/vsigs/b/k/v.tif?sig=SECRET"] {
            let error = Location::parse(text).unwrap_err().to_string();
            assert!(error.contains("gs://b/k/v.tif` is not") && error.ends_with("googleapis.com/b/k/v.tif"), "{error}");
        }
    }

    #[test]
    fn file_urls_are_decoded() {
        for text in
            ["file:///a/S2%20scene+1/B02.tif", "FILE://localhost/a/S2 scene+1/B02.tif", "file:/a/S2%20scene+1/B02.tif"]
        {
            assert_eq!(Location::parse(text).unwrap(), Location::Path("/a/S2 scene+1/B02.tif".into()), "{text}");
        }
        let error = Location::parse("file://host/a/B02.tif").unwrap_err().to_string();
        assert!(error.contains("file://host/a/B02.tif") && error.contains("this computer"), "{error}");
    }

    #[test]
    fn paths_of_gdal_are_what_they_stand_for() {
        assert_eq!(Location::parse("/vsicurl/https://h/x.tif?s=1").unwrap(), url("https://h/x.tif?s=1"));
        assert_eq!(Location::parse("/vsis3/b/k.tif").unwrap(), url("https://b.s3.amazonaws.com/k.tif"));
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.zip");
        fs_err::write(&archive, b"").unwrap();
        let entry = Location::ZipEntry { archive: archive.clone(), entry: "B02.tif".into() };
        for text in
            [format!("/vsizip/{}/B02.tif", archive.display()), format!("/vsizip/{{{}}}/B02.tif", archive.display())]
        {
            assert_eq!(Location::parse(&text).unwrap(), entry, "{text}");
        }
        for text in ["/vsizip/vsicurl/https://h/a.zip/x", "/vsiaz/c/k", "/vsitar/a.tar/x"] {
            assert!(Location::parse(text).unwrap_err().to_string().contains("download it first"), "{text}");
        }
        assert_eq!(Location::parse("/vsiother/x").unwrap(), Location::Path("/vsiother/x".into()), "a folder");
    }

    #[test]
    fn addresses_of_documents_are_uris() {
        let folder = tempfile::tempdir().unwrap();
        let here = Location::from(folder.path());
        let path = |name: &str| Location::Path(folder.path().join(name));
        fs_err::create_dir(folder.path().join("S2 scene+1")).unwrap();
        fs_err::write(folder.path().join("S2 scene+1/B02.tif"), b"").unwrap();
        fs_err::write(folder.path().join("100%20.tif"), b"").unwrap();
        assert_eq!(here.resolve("./S2%20scene+1/B02.tif").unwrap(), path("./S2 scene+1/B02.tif"));
        assert_eq!(here.resolve("100%20.tif").unwrap(), path("100%20.tif"), "written without encoding");
        assert_eq!(here.resolve("S2 scene+1\\B02.tif").unwrap(), path("S2 scene+1/B02.tif"));
        assert_eq!(here.resolve("no%20such.tif").unwrap(), path("no such.tif"));
        assert_eq!(here.resolve("s3://b/k").unwrap(), url("https://b.s3.amazonaws.com/k"));
        assert_eq!(url("https://h/c/").resolve("a%20b.tif").unwrap(), url("https://h/c/a%20b.tif"));
        assert!(here.resolve("abfs://b/k").is_err());
        for local in ["file:///etc/passwd", "file:/etc/passwd", "/vsizip//tmp/a.zip/x"] {
            let error = url("https://h/c/").resolve(local).unwrap_err().to_string();
            assert!(error.contains(local) && error.contains("on this computer"), "{error}");
        }
    }

    #[test]
    fn entries_that_lead_out_of_the_archive_have_no_name() {
        assert_eq!(Location::entry_name("a\\b/./c.jp2").as_deref(), Some("a/b/c.jp2"));
        for name in ["../x", "a/../../x", "/etc/passwd", "\\\\host\\x", "C:\\x", "a\\..\\x"] {
            assert_eq!(Location::entry_name(name), None, "{name}");
        }
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
