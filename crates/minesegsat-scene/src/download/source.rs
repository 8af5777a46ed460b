//! Sources of assets, and signing of their addresses.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use rusty_s3::actions::GetObject;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use serde_json::Value;
use url::Url;

use crate::catalog::{Item, Secret};
use minesegsat_core::{Error, Result};
use minesegsat_io::Location;
use minesegsat_io::http::public_url;
use minesegsat_io::http::{self, Address, Request};

/// Token service of the Planetary Computer. `PC_SDK_SAS_URL` overrides it, as in the official client.
const SAS_URL: &str = "https://planetarycomputer.microsoft.com/api/sas/v1/token";
/// Site of the Planetary Computer. Items that link to it are its items.
const PLANETARY_COMPUTER: &str = "https://planetarycomputer.microsoft.com/";
/// A token is not used in the last minute of its lifetime.
const EXPIRY_MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// S3 addresses are signed for one hour, and signed again for every request.
const VALID: Duration = Duration::from_hours(1);
/// Default region of buckets, if neither the item nor the environment states it.
const DEFAULT_REGION: &str = "us-east-1";

/// The source of an asset. `Debug` and `Display` hide the query.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A local file.
    Path(PathBuf),
    /// A public or signed address.
    Url(String),
    /// A blob of the Planetary Computer, which needs a token for its collection.
    PlanetaryComputer { url: String, collection: String },
    /// An S3 object that is read with the user's keys.
    S3 { bucket: String, key: String, region: String },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Url(url) | Self::PlanetaryComputer { url, .. } => f.write_str(&public_url(url)),
            Self::S3 { bucket, key, .. } => write!(f, "s3://{bucket}/{key}"),
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
    aws: Option<Credentials>,
    /// Region from the environment.
    region: Option<String>,
    /// Another server with the S3 protocol.
    endpoint: Option<String>,
    /// Whether the user agrees to pay for reads.
    requester_pays: bool,
    sas_url: String,
    subscription_key: Option<Secret>,
    /// Tokens by collection.
    tokens: Mutex<HashMap<String, SasToken>>,
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
        let unsigned =
            variable("AWS_NO_SIGN_REQUEST").is_some_and(|v| ["yes", "true", "1"].contains(&&*v.to_lowercase()));
        let aws = match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) if !unsigned => Some(match variable("AWS_SESSION_TOKEN") {
                Some(token) => Credentials::new_with_token(id, secret, token),
                None => Credentials::new(id, secret),
            }),
            _ => None,
        };
        let trimmed = |url: String| url.trim_end_matches('/').to_owned();
        Self {
            aws,
            region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
            endpoint: variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL")).map(trimmed),
            requester_pays,
            sas_url: trimmed(variable("PC_SDK_SAS_URL").unwrap_or_else(|| SAS_URL.to_owned())),
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
        // The region becomes a part of the server's name.
        let is_region = |text: &&str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !text.is_empty();
        let region = storage("storage:region").and_then(Value::as_str).filter(is_region).map(str::to_owned);
        let object = s3_object(href);
        if pays && object.is_some() && !self.requester_pays {
            return Err(fail(format!(
                "{} is in a requester-pays bucket: agree to pay, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                public_url(href)
            ))
            .avoided_by(minesegsat_core::Setting::RequesterPays));
        }
        if let Some((bucket, key, region_of_host)) = object
            && (self.requester_pays || href.starts_with("s3://"))
        {
            if self.aws.is_some() || self.endpoint.is_some() {
                let region = region.or(region_of_host).or_else(|| self.region.clone());
                let region = region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
                return Ok(Source::S3 { bucket, key, region });
            }
            if self.requester_pays {
                let reason = "requester-pays reads need keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
                return Err(fail(reason.to_owned()));
            }
        }
        match Location::parse(href)? {
            Location::Path(path) => Ok(Source::Path(path)),
            Location::Url(url) => match item.collection().filter(|_| wants_token(item, &url)) {
                Some(collection) => Ok(Source::PlanetaryComputer { url, collection: collection.to_owned() }),
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
            Source::PlanetaryComputer { url, collection } => {
                let token = self.sas_token(collection)?;
                let separator = if url.contains('?') { '&' } else { '?' };
                Ok(format!("{url}{separator}{}", token.0))
            }
            Source::S3 { bucket, key, region } => self.s3_url(bucket, key, region, Timestamp::now()),
        }
    }

    /// The address of an object, presigned if there are keys. It needs no headers, so every reader can use it.
    fn s3_url(&self, bucket: &str, key: &str, region: &str, now: Timestamp) -> Result<String> {
        let server = self.endpoint.clone().unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let refused = format!("`{}` is not the URL of a server", public_url(&server));
        let fail = || Error::input(format!("s3://{bucket}/{key}"), &refused);
        let server: Url = server.parse().map_err(|e: url::ParseError| fail().caused_by(e))?;
        // Names with dots do not match the server's certificate as a subdomain, and host names have no capitals.
        let is_host = bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let style = if self.endpoint.is_none() && is_host { UrlStyle::VirtualHost } else { UrlStyle::Path };
        let bucket =
            Bucket::new(server, style, bucket.to_owned(), region.to_owned()).map_err(|e| fail().caused_by(e))?;
        let mut object = GetObject::new(&bucket, self.aws.as_ref(), key);
        if self.requester_pays && self.aws.is_some() {
            object.query_mut().insert("x-amz-request-payer", "requester");
        }
        Ok(object.sign_with_time(VALID, &now).into())
    }

    /// The current location of a source.
    pub(super) fn location(&self, source: &Source) -> Result<Location> {
        match source {
            Source::Path(path) => Ok(Location::Path(path.clone())),
            other => self.url(other).map(Location::Url),
        }
    }

    /// A token that stays valid for a while. All threads share one request.
    fn sas_token(&self, collection: &str) -> Result<Secret> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = tokens.get(collection)
            && token.expires.is_none_or(|at| Timestamp::now() + EXPIRY_MARGIN < at)
        {
            return Ok(token.query.clone());
        }
        let url = format!("{}/{collection}", self.sas_url);
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
        tokens.insert(collection.to_owned(), SasToken { query: query.clone(), expires });
        Ok(query)
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

/// Bucket, key and (if the address states it) region of an S3 object. A URL cannot have `.` or `..` as a segment.
fn s3_object(href: &str) -> Option<(String, String, Option<String>)> {
    s3_parts(href).filter(|(bucket, key, _)| {
        key.split('/').chain([bucket.as_str()]).all(|segment| !matches!(segment, "." | ".."))
    })
}

fn s3_parts(href: &str) -> Option<(String, String, Option<String>)> {
    if let Some(rest) = href.strip_prefix("s3://") {
        let (bucket, key) = rest.split_once('/')?;
        return (!bucket.is_empty() && !key.is_empty()).then(|| (bucket.to_owned(), key.to_owned(), None));
    }
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
        return Some((bucket.to_owned(), key.to_owned(), region));
    }
    Some((bucket, path, region))
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
            Source::PlanetaryComputer { collection, .. } => {
                self.signer.tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(collection).is_some()
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
        let object = |href: &str| s3_object(href);
        let some = |bucket: &str, key: &str, region: Option<&str>| {
            Some((bucket.to_owned(), key.to_owned(), region.map(str::to_owned)))
        };
        assert_eq!(object("s3://b/k/v.tif"), some("b", "k/v.tif", None));
        assert_eq!(object("https://b.s3.us-west-2.amazonaws.com/k%20v.tif"), some("b", "k v.tif", Some("us-west-2")));
        assert_eq!(object("https://b.s3.amazonaws.com/k"), some("b", "k", None));
        assert_eq!(object("https://s3.eu-central-1.amazonaws.com/b.c/k"), some("b.c", "k", Some("eu-central-1")));
        assert_eq!(object("https://b.s3.dualstack.eu-west-1.amazonaws.com/k"), some("b", "k", Some("eu-west-1")));
        let signed = "https://b.s3.amazonaws.com/k?X-Amz-Signature=1";
        for other in ["https://host/k", signed, "s3://b", "/file", "s3://b/../other/k", "s3://../k"] {
            assert_eq!(object(other), None, "{other}");
        }
    }

    /// Made with botocore 1.44.8, its clock at 2024-02-03 04:05:06 UTC:
    /// ```python
    /// request = AWSRequest("GET", url, params={"x-amz-request-payer": "requester"})  # the first; no params in the others
    /// keys = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "to/ken")  # the first
    /// S3SigV4QueryAuth(keys, "s3", region, expires=3600).add_auth(request)
    /// ```
    #[test]
    fn addresses_are_signed_as_botocore_signs_them() {
        let sign = |pays: bool, endpoint: Option<&str>, bucket: &str, key: &str, region: &str| {
            let signer = Signer::new(pays, &|name| match name {
                "AWS_ACCESS_KEY_ID" => Some("AKIAIOSFODNN7EXAMPLE".to_owned()),
                "AWS_SECRET_ACCESS_KEY" => Some("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
                "AWS_SESSION_TOKEN" => pays.then(|| "to/ken".to_owned()),
                "AWS_ENDPOINT_URL" => endpoint.map(str::to_owned),
                _ => None,
            });
            let url = signer.s3_url(bucket, key, region, "2024-02-03T04:05:06Z".parse().unwrap()).unwrap();
            let (address, query) = url.split_once('?').unwrap();
            let (query, signature) = query.split_once("&X-Amz-Signature=").unwrap();
            (address.to_owned(), query.to_owned(), signature.to_owned())
        };
        let (address, query, signature) = sign(true, None, "sentinel-s2-l2a", "tiles/10/a b+c.jp2", "eu-central-1");
        assert_eq!(address, "https://sentinel-s2-l2a.s3.eu-central-1.amazonaws.com/tiles/10/a%20b%2Bc.jp2");
        assert_eq!(
            query,
            "X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20240203%2Feu-central-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20240203T040506Z&X-Amz-Expires=3600&X-Amz-Security-Token=to%2Fken&X-Amz-SignedHeaders=host\
             &x-amz-request-payer=requester"
        );
        assert_eq!(signature, "002abb6c7f932f182145ab7e9cd7fddf676438f0649158ffc6cbe9fa1a50cb1c");

        let (address, _, signature) = sign(false, None, "my.bucket", "k", "us-west-2");
        assert_eq!(address, "https://s3.us-west-2.amazonaws.com/my.bucket/k");
        assert_eq!(signature, "c56f35f512a5fdaafeed9e2c960a18e346730a74ad8443dbc9d73f8362808ec4");

        let (address, _, signature) =
            sign(false, Some("http://127.0.0.1:9000/minio/"), "My_Bucket", "a/b\u{e9}.tif", "us-east-1");
        assert_eq!(address, "http://127.0.0.1:9000/minio/My_Bucket/a/b%C3%A9.tif");
        assert_eq!(signature, "8c96bb005265ad19f15275be51dfb90f3d3a1f75ec057755723d1fc90e4162b1");
    }

    #[test]
    fn a_region_is_a_word_of_a_host_name() {
        let pays = item(&json!([]), &json!({"storage:region": "evil.example/"}));
        let source = Signer::new(true, &with_keys).source(&pays, &json!({"href": "s3://b/k"})).unwrap();
        assert!(matches!(source, Source::S3 { region, .. } if region == DEFAULT_REGION));
    }

    #[test]
    fn an_endpoint_is_a_url() {
        let signer = Signer::new(false, &|name| (name == "AWS_ENDPOINT_URL").then(|| "minio:9000".to_owned()));
        let source = signer.source(&item(&json!([]), &json!({})), &json!({"href": "s3://b/k"})).unwrap();
        let error = signer.url(&source).unwrap_err().to_string();
        assert!(error.contains("s3://b/k: ") && error.contains("minio:9000"), "{error}");
        let signer = Signer::new(false, &|name| (name == "AWS_ENDPOINT_URL").then(|| "http://minio:9000".to_owned()));
        assert_eq!(signer.url(&source).unwrap(), "http://minio:9000/b/k");
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
        let signed = json!({"href": "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/B04.tif?sig=x"});
        assert!(matches!(signer.source(&theirs, &blob).unwrap(), Source::PlanetaryComputer { .. }));
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
