//! Sources of assets, and signing of their addresses.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use crate::catalog::{Item, Secret};
use minesegsat_core::{Error, Result};
use minesegsat_io::Location;
use minesegsat_io::http::{self, Address, Request, public_url, s3};

/// Token service of the Planetary Computer. `PC_SDK_SAS_URL` overrides it, as in the official client.
const SAS_URL: &str = "https://planetarycomputer.microsoft.com/api/sas/v1/token";
/// Site of the Planetary Computer. Items that link to it are its items.
const PLANETARY_COMPUTER: &str = "https://planetarycomputer.microsoft.com/";
/// A token is not used in the last minute of its lifetime.
const EXPIRY_MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// Domain of the storage accounts of the Planetary Computer.
const BLOB_HOSTS: &str = ".blob.core.windows.net";

/// The source of an asset. `Debug` and `Display` hide the query.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A local file.
    Path(PathBuf),
    /// A public or signed address.
    Url(String),
    /// A blob of the Planetary Computer, which needs a token for its container.
    PlanetaryComputer { url: String, container: BlobContainer },
    /// An S3 object that is read with the user's keys, or from the user's server.
    S3(s3::Object),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Url(url) | Self::PlanetaryComputer { url, .. } => f.write_str(&public_url(url)),
            Self::S3(object) => write!(f, "s3://{}/{}", object.bucket, object.key),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Signs addresses with credentials from the environment.
pub(super) struct Signer {
    s3: s3::Access,
    /// Whether the user agrees to pay for reads.
    requester_pays: bool,
    sas_url: String,
    subscription_key: Option<Secret>,
    /// Tokens by container.
    tokens: Mutex<HashMap<BlobContainer, SasToken>>,
}

#[derive(Debug, Clone)]
struct SasToken {
    query: Secret,
    expires: Option<Timestamp>,
}

/// A signer without keys and tokens.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("requester_pays", &self.requester_pays).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_DEFAULT_REGION`,
    /// `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `AWS_NO_SIGN_REQUEST`, `PC_SDK_SUBSCRIPTION_KEY` and `PC_SDK_SAS_URL`.
    pub(super) fn from_env(requester_pays: bool) -> Self {
        Self::new(requester_pays, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn new(requester_pays: bool, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let sas_url = variable("PC_SDK_SAS_URL").unwrap_or_else(|| SAS_URL.to_owned());
        Self {
            s3: s3::Access::new(variable),
            requester_pays,
            sas_url: sas_url.trim_end_matches('/').to_owned(),
            subscription_key: variable("PC_SDK_SUBSCRIPTION_KEY").map(Secret),
            tokens: Mutex::default(),
        }
    }

    /// The source of an asset of an item.
    pub(super) fn source(&self, item: &Item, asset: &Value) -> Result<Source> {
        let fail = |reason: String| Error::input(format!("item {}", item.id()), reason);
        let href = readable_href(asset).ok_or_else(|| {
            let href = public_url(asset["href"].as_str().unwrap_or_default());
            fail(format!("an asset is at `{href}`; accepted are http, https, s3 and local files"))
        })?;
        let storage = |name: &str| [&asset[name], item.property(name)].into_iter().find(|value| !value.is_null());
        let pays = storage("storage:requester_pays").and_then(Value::as_bool).unwrap_or(false);
        let object = s3_object(href)?;
        let stated = storage("storage:region").and_then(Value::as_str);
        if pays && object.is_some() && !self.requester_pays {
            return Err(fail(format!(
                "{} is in a requester-pays bucket: agree to pay, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                public_url(href)
            ))
            .avoided_by(minesegsat_core::Setting::RequesterPays));
        }
        if let Some(object) = object
            && (self.requester_pays || is_s3(href))
        {
            if self.s3.has_keys() || self.s3.has_endpoint() {
                // The region becomes a part of the server's name, and the item is a stranger's.
                if let Some(region) = stated.filter(|region| !s3::is_region(region)) {
                    let reason =
                        format!("`storage:region` is `{region}`; a region of S3 is needed, such as eu-central-1");
                    return Err(fail(reason));
                }
                let region = stated.map(str::to_owned).or(object.region);
                return Ok(Source::S3(s3::Object { region, ..object }));
            }
            if self.requester_pays {
                let reason = "requester-pays reads need keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
                return Err(fail(reason.to_owned()));
            }
            return Ok(Source::Url(object.public_url()));
        }
        match Location::parse(href)? {
            Location::Path(path) => Ok(Source::Path(path)),
            Location::Url(url) => match BlobContainer::of(&url).filter(|_| wants_token(item, &url)) {
                Some(container) => Ok(Source::PlanetaryComputer { url, container }),
                None => Ok(Source::Url(url)),
            },
            entry @ Location::ZipEntry { .. } => Err(fail(format!("an asset is in an archive: `{entry}`"))),
        }
    }

    /// The current address of a source. Local files have no address.
    fn url(&self, source: &Source) -> Result<String> {
        match source {
            Source::Path(path) => {
                Err(Error::input(path.display().to_string(), "it is a local file and has no address".to_owned()))
            }
            Source::Url(url) => Ok(url.clone()),
            Source::PlanetaryComputer { url, container } => {
                let token = self.sas_token(container)?;
                let separator = if url.contains('?') { '&' } else { '?' };
                Ok(format!("{url}{separator}{}", token.0))
            }
            Source::S3(object) => self.s3.url(object, self.requester_pays, Timestamp::now()),
        }
    }

    /// The current location of a source.
    pub(super) fn location(&self, source: &Source) -> Result<Location> {
        match source {
            Source::Path(path) => Ok(Location::Path(path.clone())),
            other => self.url(other).map(Location::Url),
        }
    }

    /// A token that stays valid for a while. All threads share one request.
    fn sas_token(&self, container: &BlobContainer) -> Result<Secret> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = tokens.get(container)
            && token.expires.is_none_or(|at| Timestamp::now() + EXPIRY_MARGIN < at)
        {
            return Ok(token.query.clone());
        }
        let url = format!("{}/{}/{}", self.sas_url, container.account, container.name);
        let mut request = Request::get(&url);
        if let Some(key) = &self.subscription_key {
            request = request.header("Ocp-Apim-Subscription-Key", &key.0)?;
        }
        let body = http::send(request)?;
        // Messages do not repeat the body, because it contains the token.
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let Some(query) = answer["token"].as_str().filter(|token| !token.is_empty()) else {
            return Err(Error::input(public_url(&url), "its answer has no `token`".to_owned()));
        };
        let query = Secret(query.trim_start_matches('?').to_owned());
        let expires = answer["msft:expiry"].as_str().and_then(|text| text.parse().ok());
        tokens.insert(container.clone(), SasToken { query: query.clone(), expires });
        Ok(query)
    }
}

/// A container of an Azure storage account. Tokens are requested for the container of an address, as the official client
/// does, so that a foreign item cannot direct a token elsewhere: the service gives none for other accounts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct BlobContainer {
    account: String,
    name: String,
}

impl BlobContainer {
    /// The container of an `https` address of a blob; `None` for other addresses.
    fn of(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let account = url.host_str()?.strip_suffix(BLOB_HOSTS)?;
        let name = url.path_segments()?.next()?;
        // <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftstorage>
        let is_word = |text: &str, more: &str| {
            (3..=63).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c))
        };
        let fits = url.scheme() == "https"
            && url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && is_word(account, "")
            && is_word(name, "-");
        fits.then(|| Self { account: account.to_owned(), name: name.to_owned() })
    }
}

/// Whether an address is a Planetary Computer blob without a token.
fn wants_token(item: &Item, url: &str) -> bool {
    let of_theirs = ["self", "root", "parent", "collection"]
        .iter()
        .any(|rel| item.link(rel).is_some_and(|href| href.starts_with(PLANETARY_COMPUTER)));
    of_theirs && !url.starts_with(PLANETARY_COMPUTER) && !url.contains("sig=")
}

/// A readable address of an asset: signed by the API, its own, or an alternate.
fn readable_href(asset: &Value) -> Option<&str> {
    let alternate = |name: &str| asset["alternate"][name]["href"].as_str();
    let all = asset["alternate"].as_object().into_iter().flatten().filter_map(|(_, other)| other["href"].as_str());
    let readable = |href: &&str| match href.split_once("://") {
        Some((scheme, _)) => ["http", "https", "s3", "file"].contains(&scheme.to_ascii_lowercase().as_str()),
        None => !href.is_empty(),
    };
    // EarthDaily stores signed addresses in `download`.
    let signed = alternate("download").filter(|href| href.starts_with("https://") || href.starts_with("http://"));
    signed.into_iter().chain(asset["href"].as_str()).chain(all).find(readable)
}

fn is_s3(href: &str) -> bool {
    href.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://"))
}

/// The S3 object of an address; `None` for addresses elsewhere. An `s3://` address that names no object is an error.
fn s3_object(href: &str) -> Result<Option<s3::Object>> {
    if is_s3(href) {
        return s3::Object::parse(href).map(Some);
    }
    Ok(https_object(href).filter(|object| {
        s3::is_bucket(&object.bucket)
            && object.region.as_deref().is_none_or(s3::is_region)
            && !object.key.is_empty()
            && object.key.split('/').all(|segment| !matches!(segment, "." | ".."))
    }))
}

/// The object of an HTTPS address of Amazon's servers.
fn https_object(href: &str) -> Option<s3::Object> {
    let (address, _) = href.split_once('?').map_or((href, ""), |(address, query)| (address, query));
    if address.len() < href.len() {
        // An address with a query may be signed.
        return None;
    }
    let (host, path) = address.strip_prefix("https://")?.split_once('/')?;
    let host = host.strip_suffix(".amazonaws.com")?;
    let path = percent_decode_str(path).decode_utf8().ok()?.into_owned();
    let (bucket, place) = match host.split_once(".s3") {
        Some((bucket, place)) => (bucket.to_owned(), place),
        None => (String::new(), host.strip_prefix("s3")?),
    };
    let region = place.trim_start_matches(['.', '-']);
    let region = region.strip_prefix("dualstack.").unwrap_or(region);
    let region = (!region.is_empty() && !region.contains('.')).then(|| region.to_owned());
    if bucket.is_empty() {
        let (bucket, key) = path.split_once('/')?;
        return Some(s3::Object { bucket: bucket.to_owned(), key: key.to_owned(), region });
    }
    Some(s3::Object { bucket, key: path, region })
}

/// A source together with its signer, which provides addresses.
pub(super) struct Signed<'a> {
    pub(super) signer: &'a Signer,
    pub(super) source: &'a Source,
}

impl Address for Signed<'_> {
    fn url(&self) -> Result<String> {
        self.signer.url(self.source)
    }

    fn renew(&self) -> bool {
        match self.source {
            Source::PlanetaryComputer { container, .. } => {
                self.signer.tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(container).is_some()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(links: &Value, properties: &Value) -> Item {
        let value = json!({"type": "Feature", "id": "a", "collection": "sentinel-2-l2a", "links": links,
            "properties": properties, "geometry": null, "assets": {}});
        Item::from_value(value, "test").unwrap()
    }

    fn with_keys(name: &str) -> Option<String> {
        matches!(name, "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY").then(|| "SECRET".to_owned())
    }

    #[test]
    fn objects_are_told_from_their_addresses() {
        let object = |href: &str| s3_object(href).ok().flatten();
        let some = |bucket: &str, key: &str, region: Option<&str>| {
            Some(s3::Object { bucket: bucket.to_owned(), key: key.to_owned(), region: region.map(str::to_owned) })
        };
        assert_eq!(object("s3://b/k/v.tif"), some("b", "k/v.tif", None));
        assert_eq!(object("https://b.s3.us-west-2.amazonaws.com/k%20v.tif"), some("b", "k v.tif", Some("us-west-2")));
        assert_eq!(object("https://b.s3.amazonaws.com/k"), some("b", "k", None));
        assert_eq!(object("https://s3.eu-central-1.amazonaws.com/b.c/k"), some("b.c", "k", Some("eu-central-1")));
        assert_eq!(object("https://b.s3.dualstack.eu-west-1.amazonaws.com/k"), some("b", "k", Some("eu-west-1")));
        let signed = "https://b.s3.amazonaws.com/k?X-Amz-Signature=1";
        let inject = "https://x.s3.a@b.amazonaws.com/k";
        for other in ["https://host/k", signed, inject, "s3://b", "/file", "s3://b/../other/k", "s3://../k"] {
            assert_eq!(object(other), None, "{other}");
        }
    }

    #[test]
    fn regions_and_buckets_of_items_make_no_hosts() {
        for region in ["evil.example/", "x@127.0.0.1:4443/", "a#", ""] {
            for place in [json!({"href": "s3://b/k", "storage:region": region}), json!({"href": "s3://b/k"})] {
                let item = item(&json!([]), &json!({"storage:region": region}));
                let error = Signer::new(true, &with_keys).source(&item, &place).unwrap_err().to_string();
                assert!(error.contains("storage:region") && error.contains("eu-central-1"), "{error}");
            }
        }
        let plain = item(&json!([]), &json!({}));
        for href in ["s3://x@127.0.0.1:4443/k", "s3://evil:1@localhost#/k", "s3://127.0.0.1:1/k"] {
            assert!(Signer::new(false, &with_keys).source(&plain, &json!({"href": href})).is_err(), "{href}");
            assert!(Signer::new(false, &|_| None).source(&plain, &json!({"href": href})).is_err(), "{href}");
        }
    }

    #[test]
    fn reading_at_own_cost_is_agreed_to_first() {
        let pays = item(&json!([]), &json!({"storage:requester_pays": true, "storage:region": "eu-central-1"}));
        let asset = json!({"href": "s3://sentinel-s2-l2a/B04.jp2"});
        let error = Signer::new(false, &with_keys).source(&pays, &asset).unwrap_err();
        assert_eq!(error.setting(), Some(minesegsat_core::Setting::RequesterPays), "{error}");
        let error = Signer::new(true, &|_| None).source(&pays, &asset).unwrap_err().to_string();
        assert!(error.contains("AWS_ACCESS_KEY_ID"), "{error}");
        let signer = Signer::new(true, &with_keys);
        let source = signer.source(&pays, &asset).unwrap();
        assert_eq!(source.to_string(), "s3://sentinel-s2-l2a/B04.jp2");
        let url = signer.url(&source).unwrap();
        assert!(url.starts_with("https://sentinel-s2-l2a.s3.eu-central-1.amazonaws.com/B04.jp2?"), "{url}");
        assert!(url.contains("x-amz-request-payer=requester") && url.contains("X-Amz-Signature="), "{url}");
        assert!(!format!("{signer:?}").contains("SECRET"));
    }

    #[test]
    fn public_objects_need_no_keys() {
        let public = item(&json!([]), &json!({}));
        let plain = Signer::new(false, &|_| None);
        let asset = json!({"href": "s3://b/k.tif"});
        assert_eq!(plain.source(&public, &asset).unwrap(), Source::Url("https://b.s3.amazonaws.com/k.tif".to_owned()));
        let https = json!({"href": "https://b.s3.us-west-2.amazonaws.com/k.tif"});
        let keyed = Signer::new(false, &with_keys);
        assert!(matches!(keyed.source(&public, &https).unwrap(), Source::Url(_)), "nothing is signed without need");
        assert!(matches!(keyed.source(&public, &asset).unwrap(), Source::S3 { .. }));
    }

    #[test]
    fn tokens_are_for_blobs_of_the_planetary_computer() {
        let theirs =
            item(&json!([{"rel": "root", "href": "https://planetarycomputer.microsoft.com/api/stac/v1/"}]), &json!({}));
        let others =
            item(&json!([{"rel": "root", "href": "https://planetarycomputer.microsoft.com.evil/"}]), &json!({}));
        let signer = Signer::new(false, &|_| None);
        let blob = json!({"href": "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/B04.tif"});
        for href in [
            "http://127.0.0.1:8102/B04.tif",
            "http://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/B04.tif",
            "https://sentinel2l2a01.blob.core.windows.net:8443/sentinel2-l2/B04.tif",
            "https://sentinel2l2a01.blob.core.windows.net.evil.example/sentinel2-l2/B04.tif",
            "https://evil.example/sentinel2l2a01.blob.core.windows.net/B04.tif",
            "https://me@sentinel2l2a01.blob.core.windows.net/sentinel2-l2/B04.tif",
            "https://a.b.blob.core.windows.net/sentinel2-l2/B04.tif",
            "https://sentinel2l2a01.blob.core.windows.net/..%2f..%2fx/B04.tif",
        ] {
            let signer = Signer::new(false, &|_| None);
            assert!(matches!(signer.source(&theirs, &json!({"href": href})).unwrap(), Source::Url(_)), "{href}");
        }
        let signed = json!({"href": "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/B04.tif?sig=x"});
        let source = signer.source(&theirs, &blob).unwrap();
        let Source::PlanetaryComputer { container, .. } = &source else { panic!("{source}") };
        assert_eq!((container.account.as_str(), container.name.as_str()), ("sentinel2l2a01", "sentinel2-l2"));
        assert!(matches!(signer.source(&theirs, &signed).unwrap(), Source::Url(_)));
        assert!(matches!(signer.source(&others, &blob).unwrap(), Source::Url(_)));
    }

    #[test]
    fn the_address_that_can_be_read_is_taken() {
        let asset = json!({"href": "s3://private/k", "alternate": {"download": {"href": "https://host/k?sig=1"}}});
        assert_eq!(readable_href(&asset), Some("https://host/k?sig=1"));
        let asset = json!({"href": "gs://b/k", "alternate": {"s3": {"href": "s3://b/k"}}});
        assert_eq!(readable_href(&asset), Some("s3://b/k"));
        assert_eq!(readable_href(&json!({"href": "gs://b/k"})), None);
    }
}
