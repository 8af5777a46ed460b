//! Objects in S3 buckets: `s3://bucket/key`. All commands read them the same way, with the settings of the environment.
//!
//! - `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`: keys. With them every address is presigned.
//! - `AWS_NO_SIGN_REQUEST`: reads without a signature.
//! - `AWS_REGION`, `AWS_DEFAULT_REGION`: region of signatures if the item states none.
//! - `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`: another server with the S3 protocol.
//!
//! Names of buckets and regions become parts of a host name, and they come from foreign documents. So they follow a strict
//! syntax, which makes no other hosts than those of S3.

use std::time::Duration;

use jiff::Timestamp;
use rusty_s3::actions::GetObject;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use url::Url;

use super::public_url;
use minesegsat_core::{Error, Result};

/// S3 addresses are signed for one hour, and signed again for every request.
const VALID: Duration = Duration::from_hours(1);
/// Region of signatures, if neither the item nor the environment states one.
const DEFAULT_REGION: &str = "us-east-1";

/// An object in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Name of the bucket.
    pub bucket: String,
    /// Key, as it is stored (not percent-encoded).
    pub key: String,
    /// Region of the bucket, if it is stated.
    pub region: Option<String>,
}

/// Whether a text is the name of a bucket: 3 to 63 letters, digits, `-`, `.` and `_`, with a letter or digit at both ends.
/// Capitals and `_` occur in old buckets and on other servers. The standard asks for three characters; other servers accept
/// fewer.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
pub fn is_bucket(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(inner)
        && [bytes.first(), bytes.last()].iter().all(|b| b.is_some_and(u8::is_ascii_alphanumeric))
        && !text.contains("..")
}

/// Whether a text is the name of a region: words of lower-case letters and digits, joined by single `-`, such as
/// `eu-central-1` and `us-gov-west-1`.
pub fn is_region(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

impl Object {
    /// Parses `s3://bucket/key`, or `s3://region@bucket/key`. The error says what is accepted.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |accepted: &str| {
            let value = text.split(['?', '#']).next().unwrap_or_default().to_owned();
            Err(Error::Argument { name: "location", value, accepted: accepted.to_owned() })
        };
        let Some(rest) = text.get(5..).filter(|_| is_s3(text)) else {
            return refuse("an S3 address is s3://bucket/key");
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let (region, bucket) = match bucket.split_once('@') {
            Some((region, bucket)) => (Some(region), bucket),
            None => (None, bucket),
        };
        if key.is_empty() {
            return refuse("an S3 address is s3://bucket/key");
        }
        if !is_bucket(bucket) || region.is_some_and(|region| !is_region(region)) {
            return refuse("the name of a bucket has letters, digits, `-`, `.` and `_` only");
        }
        if key.split('/').any(|segment| matches!(segment, "." | "..")) {
            return refuse("a key has no `.` or `..` between its slashes");
        }
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned(), region: region.map(str::to_owned) })
    }

    /// The address of this object for requests of this crate: `s3://bucket/key`, which is resolved for every request. Without
    /// keys and another server in the environment it is the public HTTPS address.
    pub fn address(&self) -> String {
        let access = Access::from_env();
        if !access.has_keys() && !access.has_endpoint() {
            return self.public_url();
        }
        let region = self.region.as_ref().map_or_else(String::new, |region| format!("{region}@"));
        format!("s3://{region}{}/{}", self.bucket, self.key)
    }

    /// The HTTPS address in a public bucket. A bucket name with dots as a subdomain does not match the server's
    /// certificate, and host names have no capitals, so such names go into the path.
    pub fn public_url(&self) -> String {
        let region = self.region.as_ref().map_or_else(String::new, |region| format!("{region}."));
        let Self { bucket, key, .. } = self;
        if is_host_label(bucket) {
            format!("https://{bucket}.s3.{region}amazonaws.com/{key}")
        } else {
            format!("https://s3.{region}amazonaws.com/{bucket}/{key}")
        }
    }
}

/// Whether a bucket can be a part of a host name.
fn is_host_label(bucket: &str) -> bool {
    bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_s3(text: &str) -> bool {
    text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://"))
}

/// Keys, region and server for S3 objects.
#[derive(Clone)]
pub struct Access {
    keys: Option<Credentials>,
    region: Option<String>,
    endpoint: Option<String>,
}

/// Shows no keys.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("keys", &self.has_keys()).field("region", &self.region).finish_non_exhaustive()
    }
}

impl Access {
    /// The settings of the environment.
    pub fn from_env() -> Self {
        Self::new(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Like [`Access::from_env`], with the given variables instead of the environment.
    pub fn new(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let unsigned =
            variable("AWS_NO_SIGN_REQUEST").is_some_and(|v| ["yes", "true", "1"].contains(&&*v.to_lowercase()));
        let keys = match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) if !unsigned => Some(match variable("AWS_SESSION_TOKEN") {
                Some(token) => Credentials::new_with_token(id, secret, token),
                None => Credentials::new(id, secret),
            }),
            _ => None,
        };
        let endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
        Self {
            keys,
            region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
            endpoint: endpoint.map(|url| url.trim_end_matches('/').to_owned()),
        }
    }

    /// Whether addresses are signed.
    pub fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Whether objects are on another server than Amazon's.
    pub fn has_endpoint(&self) -> bool {
        self.endpoint.is_some()
    }

    /// The address of an object, presigned if there are keys. It needs no headers, so every reader can use it.
    pub fn url(&self, object: &Object, requester_pays: bool, now: Timestamp) -> Result<String> {
        let Object { bucket, key, region } = object;
        let fail = |reason: String| Error::input(format!("s3://{bucket}/{key}"), reason);
        if self.endpoint.is_none() && self.keys.is_none() {
            return Ok(object.public_url());
        }
        let region = region.as_deref().or(self.region.as_deref()).unwrap_or(DEFAULT_REGION);
        if !is_bucket(bucket) || !is_region(region) {
            return Err(fail(format!("`{bucket}` in the region `{region}` is not a bucket of S3")));
        }
        let server = self.endpoint.clone().unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let refused = format!("`{}` is not the URL of a server", public_url(&server));
        let server: Url = server.parse().map_err(|e: url::ParseError| fail(refused.clone()).caused_by(e))?;
        let style =
            if self.endpoint.is_none() && is_host_label(bucket) { UrlStyle::VirtualHost } else { UrlStyle::Path };
        let bucket =
            Bucket::new(server, style, bucket.clone(), region.to_owned()).map_err(|e| fail(refused).caused_by(e))?;
        let mut object = GetObject::new(&bucket, self.keys.as_ref(), key);
        if requester_pays && self.keys.is_some() {
            object.query_mut().insert("x-amz-request-payer", "requester");
        }
        Ok(object.sign_with_time(VALID, &now).into())
    }
}

/// The server's address for an `s3://` address; `None` for other addresses.
pub(super) fn server_url(url: &str) -> Result<Option<String>> {
    if !is_s3(url) {
        return Ok(None);
    }
    Access::from_env().url(&Object::parse(url)?, false, Timestamp::now()).map(Some)
}

/// Whether a URL is on the server that the user chose for S3.
pub(super) fn is_own_endpoint(url: &str) -> bool {
    let endpoint = Access::from_env().endpoint.and_then(|endpoint| Url::parse(&endpoint).ok());
    endpoint.is_some_and(|endpoint| Url::parse(url).is_ok_and(|url| url.origin() == endpoint.origin()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(endpoint: Option<&str>, token: bool) -> Access {
        Access::new(&|name| match name {
            "AWS_ACCESS_KEY_ID" => Some("AKIAIOSFODNN7EXAMPLE".to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            "AWS_SESSION_TOKEN" => token.then(|| "to/ken".to_owned()),
            "AWS_ENDPOINT_URL" => endpoint.map(str::to_owned),
            _ => None,
        })
    }

    fn object(bucket: &str, key: &str, region: &str) -> Object {
        Object { bucket: bucket.to_owned(), key: key.to_owned(), region: Some(region.to_owned()) }
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
            let now = "2024-02-03T04:05:06Z".parse().unwrap();
            let url = access(endpoint, pays).url(&object(bucket, key, region), pays, now).unwrap();
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
    fn buckets_and_regions_make_no_other_hosts() {
        for region in ["eu-central-1", "us-gov-west-1", "cn-north-1", "default", "waw3-1"] {
            assert!(is_region(region), "{region}");
        }
        for region in [
            "",
            "x@127.0.0.1:4443/",
            "evil.example",
            "a/b",
            "a#",
            "a?",
            "eu-",
            "-eu",
            "a--b",
            "EU",
            "1",
            "a\n",
            "a%40b",
        ] {
            assert!(!is_region(region), "{region:?}");
            let error = access(None, true).url(&object("bucket", "k", region), false, Timestamp::now()).unwrap_err();
            assert!(error.to_string().contains("not a bucket of S3"), "{error}");
        }
        for text in [
            "s3://evil:1@localhost#/k",
            "s3://x@127.0.0.1:4443/k",
            "s3://127.0.0.1:4443/k",
            "s3://evil.example?/k",
            "s3://a%2fb/k",
            "s3://-a/k",
            "s3://a..b/k",
            "s3:///k",
            "s3://b",
            "s3://b/",
            "s3://b/../other/k",
            "s3://../k",
            "https://b/k",
        ] {
            assert!(Object::parse(text).is_err(), "{text}");
        }
        let url = Object::parse("s3://eu-central-1@b/k/v.tif").unwrap().public_url();
        assert_eq!(url, "https://b.s3.eu-central-1.amazonaws.com/k/v.tif");
        assert_eq!(Object::parse("S3://b.c/k").unwrap().public_url(), "https://s3.amazonaws.com/b.c/k");
    }

    #[test]
    fn an_endpoint_is_a_url() {
        let of = |url: &str| {
            let access = Access::new(&|name| (name == "AWS_ENDPOINT_URL").then(|| url.to_owned()));
            access.url(&Object::parse("s3://b/k").unwrap(), false, Timestamp::now())
        };
        let error = of("minio:9000").unwrap_err().to_string();
        assert!(error.contains("s3://b/k: ") && error.contains("minio:9000"), "{error}");
        assert_eq!(of("http://minio:9000").unwrap(), "http://minio:9000/b/k");
    }
}
