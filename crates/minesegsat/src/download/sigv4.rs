//! Signed addresses of objects in S3: AWS Signature Version 4, in the query.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>. A signed address needs no headers, so
//! that any part of this program can read by it.

use std::fmt::Write;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use sha2::{Digest, Sha256};

use crate::catalog::Secret;

/// What stays as it is in a query: RFC 3986's unreserved characters.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The same in a path, whose slashes are slashes.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Keys of an AWS account.
#[derive(Debug, Clone)]
pub(super) struct AwsKeys {
    pub(super) access_key_id: Secret,
    pub(super) secret_access_key: Secret,
    /// Of temporary keys.
    pub(super) session_token: Option<Secret>,
}

/// An object to sign a GET of.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectRequest<'a> {
    /// `https://bucket.s3.region.amazonaws.com`: scheme and host.
    pub(super) server: &'a str,
    /// Path from `/` on, not encoded.
    pub(super) path: &'a str,
    pub(super) region: &'a str,
    /// Parameters that are signed as well, not encoded.
    pub(super) parameters: &'a [(&'a str, &'a str)],
    pub(super) at: Timestamp,
    pub(super) valid_s: u32,
}

/// An address by which anybody may read an object for a while.
pub(super) fn presign(request: ObjectRequest<'_>, keys: &AwsKeys) -> String {
    let time = request.at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let date = &time[..8];
    let scope = format!("{date}/{}/s3/aws4_request", request.region);
    let credential = format!("{}/{scope}", keys.access_key_id.0);
    let valid = request.valid_s.to_string();
    let mut parameters = vec![
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", &time),
        ("X-Amz-Expires", &valid),
        ("X-Amz-SignedHeaders", "host"),
    ];
    if let Some(token) = &keys.session_token {
        parameters.push(("X-Amz-Security-Token", &token.0));
    }
    parameters.extend(request.parameters);
    let encoded = |text: &str| utf8_percent_encode(text, QUERY).to_string();
    let mut pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.sort();
    let query = pairs.join("&");
    let path = utf8_percent_encode(request.path, PATH).to_string();
    let host = request.server.split_once("://").map_or(request.server, |(_, host)| host);

    let canonical = format!("GET\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let sign = |key: &[u8], text: &str| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
        tag.as_ref().to_vec()
    };
    let secret = format!("AWS4{}", keys.secret_access_key.0);
    let key =
        [date, request.region, "s3", "aws4_request"].iter().fold(secret.into_bytes(), |key, part| sign(&key, part));
    format!("{}{path}?{query}&X-Amz-Signature={}", request.server, hex(&sign(&key, &to_sign)))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> AwsKeys {
        AwsKeys {
            access_key_id: Secret("AKIAIOSFODNN7EXAMPLE".to_owned()),
            secret_access_key: Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            session_token: None,
        }
    }

    /// The example of AWS's documentation, "Authenticating Requests: Using Query Parameters".
    #[test]
    fn the_published_example_is_signed_as_published() {
        let request = ObjectRequest {
            server: "https://examplebucket.s3.amazonaws.com",
            path: "/test.txt",
            region: "us-east-1",
            parameters: &[],
            at: "2013-05-24T00:00:00Z".parse().unwrap(),
            valid_s: 86400,
        };
        let expected = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z\
            &X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
            &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert_eq!(presign(request, &keys()), expected);
    }

    /// Made with botocore 1.44.5, its clock at 2024-02-03 04:05:06 UTC:
    /// ```python
    /// url = "https://sentinel-s2-l2a.s3.eu-central-1.amazonaws.com/tiles/10/a%20b%2Bc.jp2"
    /// request = AWSRequest("GET", url, params={"x-amz-request-payer": "requester"})
    /// keys = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "to/ken")
    /// S3SigV4QueryAuth(keys, "s3", "eu-central-1", expires=900).add_auth(request)
    /// ```
    #[test]
    fn parameters_are_sorted_and_encoded() {
        let keys = AwsKeys { session_token: Some(Secret("to/ken".to_owned())), ..keys() };
        let request = ObjectRequest {
            server: "https://sentinel-s2-l2a.s3.eu-central-1.amazonaws.com",
            path: "/tiles/10/a b+c.jp2",
            region: "eu-central-1",
            parameters: &[("x-amz-request-payer", "requester")],
            at: "2024-02-03T04:05:06Z".parse().unwrap(),
            valid_s: 900,
        };
        let url = presign(request, &keys);
        assert!(
            url.starts_with("https://sentinel-s2-l2a.s3.eu-central-1.amazonaws.com/tiles/10/a%20b%2Bc.jp2?X-Amz-Alg")
        );
        assert!(
            url.contains("&X-Amz-Security-Token=to%2Fken&X-Amz-SignedHeaders=host&x-amz-request-payer=requester&X-")
        );
        let signature = "5a7ea61da8f813c373afa3309b66b7e99c1e150ff26b677faffda7deff991c40";
        assert!(url.ends_with(&format!("&X-Amz-Signature={signature}")), "{url}");
    }
}
