//! Where an asset is read from, and what has to be signed for it.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::sigv4::{AwsKeys, ObjectRequest, presign};
use crate::catalog::{Item, Secret};
use crate::http::{self, Address, Request};
use crate::raster::public_url;
use crate::{Error, Location, Result};

/// Where the Planetary Computer gives tokens; `PC_SDK_SAS_URL` replaces it, as for its own client.
const SAS_URL: &str = "https://planetarycomputer.microsoft.com/api/sas/v1/token";
/// Its site: items that link to it are its items.
const PLANETARY_COMPUTER: &str = "https://planetarycomputer.microsoft.com/";
/// A token is not used in the last minute of its life.
const EXPIRY_MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// Addresses of S3 are signed for an hour, and signed again for every request.
const VALID_S: u32 = 3600;
/// Region of buckets that neither the item nor the environment tells.
const DEFAULT_REGION: &str = "us-east-1";

/// Where an asset is. `Debug` and `Display` show no query.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A file here.
    Path(PathBuf),
    /// An address that is public or signed already.
    Url(String),
    /// A blob of the Planetary Computer, which wants a token of its collection.
    PlanetaryComputer { url: String, collection: String },
    /// An object that is read with the user's keys.
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

/// Signs addresses with what the environment has.
#[derive(Debug)]
pub(super) struct Signer {
    aws: Option<AwsKeys>,
    /// Of the environment.
    region: Option<String>,
    /// Another server that speaks S3.
    endpoint: Option<String>,
    /// The user agrees to pay for what is read.
    requester_pays: bool,
    sas_url: String,
    subscription_key: Option<Secret>,
    /// By collection.
    tokens: Mutex<HashMap<String, SasToken>>,
}

#[derive(Debug, Clone)]
struct SasToken {
    query: Secret,
    expires: Option<Timestamp>,
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
            (Some(id), Some(secret)) if !unsigned => Some(AwsKeys {
                access_key_id: Secret(id),
                secret_access_key: Secret(secret),
                session_token: variable("AWS_SESSION_TOKEN").map(Secret),
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

    /// Where an asset of an item is read from.
    pub(super) fn source(&self, item: &Item, asset: &Value) -> Result<Source> {
        let fail = |reason: String| Error::Input { location: format!("item {}", item.id()), reason };
        let href = readable_href(asset).ok_or_else(|| {
            let href = public_url(asset["href"].as_str().unwrap_or_default());
            fail(format!("an asset is at `{href}`; accepted are http, https, s3 and local files"))
        })?;
        let storage = |name: &str| [&asset[name], item.property(name)].into_iter().find(|value| !value.is_null());
        let pays = storage("storage:requester_pays").and_then(Value::as_bool).unwrap_or(false);
        let region = storage("storage:region").and_then(Value::as_str).map(str::to_owned);
        let object = s3_object(href);
        if pays && object.is_some() && !self.requester_pays {
            return Err(fail(format!(
                "{} is in a bucket whose readers pay: agree with `--requester-pays`, and set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY",
                public_url(href)
            )));
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
                let reason = "reading at your own cost needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
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

    /// The address to read from now. Files here have none.
    fn url(&self, source: &Source) -> Result<String> {
        match source {
            Source::Path(path) => Err(Error::Input {
                location: path.display().to_string(),
                reason: "it is a file here and has no address".to_owned(),
            }),
            Source::Url(url) => Ok(url.clone()),
            Source::PlanetaryComputer { url, collection } => {
                let token = self.sas_token(collection)?;
                let separator = if url.contains('?') { '&' } else { '?' };
                Ok(format!("{url}{separator}{}", token.0))
            }
            Source::S3 { bucket, key, region } => {
                // Names with dots do not match the server's certificate as a subdomain.
                let (server, path) = match &self.endpoint {
                    Some(endpoint) => (endpoint.clone(), format!("/{bucket}/{key}")),
                    None if bucket.contains('.') => {
                        (format!("https://s3.{region}.amazonaws.com"), format!("/{bucket}/{key}"))
                    }
                    None => (format!("https://{bucket}.s3.{region}.amazonaws.com"), format!("/{key}")),
                };
                let Some(keys) = &self.aws else {
                    return Ok(format!("{server}{path}"));
                };
                let pays = [("x-amz-request-payer", "requester")];
                let request = ObjectRequest {
                    server: &server,
                    path: &path,
                    region,
                    parameters: if self.requester_pays { &pays } else { &[] },
                    at: Timestamp::now(),
                    valid_s: VALID_S,
                };
                Ok(presign(request, keys))
            }
        }
    }

    /// The location to read from now.
    pub(super) fn location(&self, source: &Source) -> Result<Location> {
        match source {
            Source::Path(path) => Ok(Location::Path(path.clone())),
            other => self.url(other).map(Location::Url),
        }
    }

    /// A token that is good for a while, asked for once by all threads.
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
        // The body is not repeated in messages: the token is in it.
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let Some(query) = answer["token"].as_str().filter(|token| !token.is_empty()) else {
            return Err(Error::Input { location: public_url(&url), reason: "its answer has no `token`".to_owned() });
        };
        let query = Secret(query.trim_start_matches('?').to_owned());
        let expires = answer["msft:expiry"].as_str().and_then(|text| text.parse().ok());
        tokens.insert(collection.to_owned(), SasToken { query: query.clone(), expires });
        Ok(query)
    }
}

/// Whether an address is a blob of the Planetary Computer without a token.
fn wants_token(item: &Item, url: &str) -> bool {
    let of_theirs = ["self", "root", "parent", "collection"]
        .iter()
        .any(|rel| item.link(rel).is_some_and(|href| href.starts_with(PLANETARY_COMPUTER)));
    of_theirs && !url.starts_with(PLANETARY_COMPUTER) && !url.contains("sig=")
}

/// The address of an asset that can be read: one signed by the API, its own, or another of its alternates.
fn readable_href(asset: &Value) -> Option<&str> {
    let alternate = |name: &str| asset["alternate"][name]["href"].as_str();
    let all = asset["alternate"].as_object().into_iter().flatten().filter_map(|(_, other)| other["href"].as_str());
    let readable = |href: &&str| match href.split_once("://") {
        Some((scheme, _)) => ["http", "https", "s3", "file"].contains(&scheme.to_ascii_lowercase().as_str()),
        None => !href.is_empty(),
    };
    // `download` is where EarthDaily puts addresses that are signed.
    let signed = alternate("download").filter(|href| href.starts_with("https://") || href.starts_with("http://"));
    signed.into_iter().chain(asset["href"].as_str()).chain(all).find(readable)
}

/// Bucket, key, and region where the address tells it, of an object in S3.
fn s3_object(href: &str) -> Option<(String, String, Option<String>)> {
    if let Some(rest) = href.strip_prefix("s3://") {
        let (bucket, key) = rest.split_once('/')?;
        return (!bucket.is_empty() && !key.is_empty()).then(|| (bucket.to_owned(), key.to_owned(), None));
    }
    let (address, _) = href.split_once('?').map_or((href, ""), |(address, query)| (address, query));
    if address.len() < href.len() {
        // It may be signed already.
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
    let region = (!region.is_empty() && !region.contains('.')).then(|| region.to_owned());
    if bucket.is_empty() {
        let (bucket, key) = path.split_once('/')?;
        return Some((bucket.to_owned(), key.to_owned(), region));
    }
    Some((bucket, path, region))
}

/// A source, as something that can be asked for an address.
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
        for other in ["https://host/k", "https://b.s3.amazonaws.com/k?X-Amz-Signature=1", "s3://b", "/file"] {
            assert_eq!(object(other), None, "{other}");
        }
    }

    #[test]
    fn reading_at_own_cost_is_agreed_to_first() {
        let pays = item(&json!([]), &json!({"storage:requester_pays": true, "storage:region": "eu-central-1"}));
        let asset = json!({"href": "s3://sentinel-s2-l2a/B04.jp2"});
        let error = Signer::new(false, &with_keys).source(&pays, &asset).unwrap_err().to_string();
        assert!(error.contains("--requester-pays"), "{error}");
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
