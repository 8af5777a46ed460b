//! Locations that documents name. A document from a server is a stranger.

use url::Url;

use super::Location;
use crate::http::{check_step, public_url, s3};
use minesegsat_core::{Error, Result};

/// The location that a document at `document` names with `href`.
///
/// A document from a server is a stranger: it cannot name files of this machine, or addresses further inside the network
/// than its own.
pub fn follow(document: &Location, folder: &Location, href: &str) -> Result<Location> {
    let Location::Url(at) = document else { return folder.resolve(href) };
    let refuse = |why: &str| Error::input(document.to_string(), format!("it names `{}`: {why}", public_url(href)));
    if let Some((scheme, _)) = href.split_once("://")
        && scheme.eq_ignore_ascii_case("file")
    {
        return Err(refuse("a document from a server cannot name files of this machine"));
    }
    // An address that cannot be parsed would be taken for a path.
    let found = folder.resolve(href)?;
    let Location::Url(target) = &found else {
        return Err(refuse("a document from a server cannot name files of this machine"));
    };
    if let (Ok(from), Ok(to)) = (Url::parse(at), Url::parse(target))
        && ["http", "https"].contains(&to.scheme())
    {
        check_step(&from, &to).map_err(|why| refuse(&why))?;
    }
    Ok(found)
}

/// An `s3://` location in the region that its item states. Other addresses stay the same. The region becomes a part of the
/// server's name, so fails for text that is not a region.
pub fn in_region(location: Location, region: Option<&str>) -> Result<Location> {
    let (Location::Url(url), Some(region)) = (&location, region) else { return Ok(location) };
    let Ok(object) = s3::Object::parse(url) else { return Ok(location) };
    if !s3::is_region(region) {
        let reason = format!("`storage:region` is `{region}`; a region of S3 is needed, such as eu-central-1");
        return Err(Error::input(location.to_string(), reason));
    }
    if object.region.is_some() {
        return Ok(location);
    }
    Ok(Location::Url(s3::Object { region: Some(region.to_owned()), ..object }.address()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_items_are_taken_if_they_are_regions() {
        let location = Location::Url("s3://bucket/k".to_owned());
        assert_eq!(in_region(location.clone(), None).unwrap(), location);
        for region in ["x@127.0.0.1:4443/", "evil.example", ""] {
            let error = in_region(location.clone(), Some(region)).unwrap_err().to_string();
            assert!(error.contains("`storage:region` is `"), "{error}");
        }
        assert_ne!(in_region(location.clone(), Some("eu-central-1")).unwrap(), location);
        for other in [Location::Path("/data/k".into()), Location::Url("https://host/k".to_owned())] {
            for region in ["eu-central-1", "evil.example"] {
                assert_eq!(in_region(other.clone(), Some(region)).unwrap(), other);
            }
        }
    }

    #[test]
    fn remote_documents_name_no_local_files() {
        let at = Location::Url("https://host/c/item.json".to_owned());
        let folder = at.parent().unwrap();
        for href in ["file:///etc/passwd", "FILE://localhost/etc/passwd", "http://127.0.0.1:22/x", "http://[::1]/"] {
            let error = follow(&at, &folder, href).unwrap_err().to_string();
            assert!(error.contains("https://host/c/item.json"), "{error}");
        }
        for (href, expected) in [
            ("../../../etc/passwd", "https://host/etc/passwd"),
            ("/etc/passwd", "https://host/etc/passwd"),
            ("B04.tif", "https://host/c/B04.tif"),
            ("https://other/B04.tif", "https://other/B04.tif"),
        ] {
            assert_eq!(follow(&at, &folder, href).unwrap(), Location::Url(expected.to_owned()));
        }
        let here = Location::Path("/data/item.json".into());
        assert_eq!(follow(&here, &here.parent().unwrap(), "x.tif").unwrap(), Location::Path("/data/x.tif".into()));
    }
}
