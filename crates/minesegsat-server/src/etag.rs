//! Entity tags: strong tags of the content, different for each content encoding.

use std::io::Read;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};

/// Suffixes of tags, by content encoding.
const ENCODINGS: [&str; 2] = ["-gzip", "-br"];

/// Tag of some content.
pub(crate) fn content_tag(bytes: &[u8]) -> String {
    digest_tag(&Sha256::digest(bytes))
}

/// Tag of all that a reader gives: that of [`content_tag`].
pub(crate) fn reader_tag(reader: &mut impl Read) -> std::io::Result<String> {
    let mut digest = Sha256::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match reader.read(&mut chunk)? {
            0 => return Ok(digest_tag(&digest.finalize())),
            length => digest.update(&chunk[..length]),
        }
    }
}

/// Tag of the inputs that determine some content.
pub(crate) fn parts_tag(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    digest_tag(&digest.finalize())
}

fn digest_tag(digest: &[u8]) -> String {
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// The tag in `If-None-Match` that equals this tag in any encoding. Uses the weak comparison of RFC 9110.
pub(crate) fn matching(request: &HeaderMap, tag: &str) -> Option<HeaderValue> {
    let tags = request.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    for theirs in tags.flat_map(|value| value.split(',')).map(str::trim) {
        let plain = theirs.strip_prefix("W/").unwrap_or(theirs);
        if plain == "*" {
            return HeaderValue::from_str(tag).ok();
        }
        if decoded(plain) == tag {
            return HeaderValue::from_str(theirs).ok();
        }
    }
    None
}

/// A tag without the suffix of [`per_encoding`].
fn decoded(tag: &str) -> String {
    for ending in ENCODINGS {
        if let Some(stem) = tag.strip_suffix('"').and_then(|stem| stem.strip_suffix(ending)) {
            return format!("{stem}\"");
        }
    }
    tag.to_owned()
}

/// Layer above compression: adds the encoding to the tag, because strong tags must differ between encodings.
pub(crate) async fn per_encoding(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let encoding = headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Some(ending) = ENCODINGS.into_iter().find(|ending| ending[1..] == *encoding)
        && let Some(stem) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()?.strip_suffix('"'))
        && let Ok(tag) = HeaderValue::from_str(&format!("{stem}{ending}\""))
    {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_tag_of_its_content() {
        let content: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
        assert_eq!(reader_tag(&mut content.as_slice()).unwrap(), content_tag(&content));
        assert_eq!(reader_tag(&mut std::io::empty()).unwrap(), content_tag(b""));
    }

    #[test]
    fn a_tag_matches_in_any_encoding() {
        let tag = content_tag(b"content");
        for (theirs, is_known) in [
            (tag.clone(), true),
            (tag.replace('"', "").replacen("", "\"", 1) + "-br\"", true),
            (format!("\"x\", W/{tag}"), true),
            ("*".to_owned(), true),
            ("\"x\"".to_owned(), false),
            (String::new(), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, theirs.parse().unwrap());
            assert_eq!(matching(&headers, &tag).is_some(), is_known, "{theirs}");
        }
        assert_ne!(parts_tag(&["a", "bc"]), parts_tag(&["ab", "c"]));
    }
}
