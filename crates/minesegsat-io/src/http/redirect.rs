//! Redirections, followed by our own code: credentials and bodies stay with the origin that they are for, and a server
//! cannot lead this program from `https` to `http`, or further inside a network than it lies itself.

use reqwest::{StatusCode, header};
use url::Url;

use super::{Failure, Request, public_url, reach, unusable};

/// Maximum number of redirections of a request, as in browsers' and reqwest's defaults.
pub(super) const MOST: usize = 10;

/// Whether a status redirects to the address in `Location`.
pub(super) fn is_redirection(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The request that a redirection asks for.
pub(super) fn next(request: &Request, status: StatusCode, location: &header::HeaderValue) -> Result<Request, Failure> {
    let refuse =
        |why: String| Failure::Final(unusable(request.url(), format!("it redirects, and that is not followed: {why}")));
    let text = std::str::from_utf8(location.as_bytes()).map_err(|_| refuse("its address is not text".to_owned()))?;
    let from = Url::parse(request.url()).map_err(|error| refuse(error.to_string()))?;
    let mut to = from.join(text).map_err(|error| refuse(format!("its address is not a URL ({error})")))?;
    if !["http", "https"].contains(&to.scheme()) {
        return Err(refuse(format!("it leads to a `{}` address", to.scheme())));
    }
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(refuse(format!("it leads from https to http (`{}`)", public_url(to.as_str()))));
    }
    reach::check_step(&from, &to).map_err(refuse)?;
    let same = from.origin() == to.origin();
    if !same {
        // A server gives no logins.
        let _ = to.set_username("");
        let _ = to.set_password(None);
    }
    let keeps_body = matches!(status.as_u16(), 307 | 308);
    if keeps_body && request.has_body() && !same {
        return Err(refuse(format!(
            "it would send the request's content to another server (`{}`); give that server's address",
            public_url(to.as_str())
        )));
    }
    let mut next = request.clone().at(to.into());
    if !keeps_body {
        next.drop_body();
    }
    if !same {
        next.drop_credentials();
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(from: &Request, status: u16, to: &str) -> Result<Request, String> {
        let location = header::HeaderValue::from_str(to).unwrap();
        next(from, StatusCode::from_u16(status).unwrap(), &location).map_err(|failure| match failure {
            Failure::Final(error) => error.to_string(),
            Failure::Passing { reason, .. } => reason,
        })
    }

    #[test]
    fn redirections_lead_neither_inwards_nor_to_plain_text() {
        let public = Request::get("https://host/a?sig=SECRET");
        assert_eq!(step(&public, 302, "/b").unwrap().url(), "https://host/b");
        assert_eq!(step(&public, 301, "https://user:pw@other/b").unwrap().url(), "https://other/b");
        for (to, said) in [
            ("http://host/b", "from https to http"),
            ("https://127.0.0.1/b", "this machine"),
            ("https://[::ffff:10.0.0.1]/b", "a private network"),
            ("https://169.254.169.254/latest/meta-data", "link-local"),
            ("file:///etc/passwd", "`file`"),
        ] {
            let error = step(&public, 302, to).unwrap_err();
            assert!(error.contains(said) && error.contains("https://host/a") && !error.contains("SECRET"), "{error}");
        }
        let local = Request::get("http://127.0.0.1:1/a");
        assert!(step(&local, 302, "http://127.0.0.1:2/b").is_ok());
        assert!(step(&local, 302, "http://169.254.169.254/").unwrap_err().contains("link-local"));
    }

    #[test]
    fn credentials_and_bodies_stay_with_their_origin() {
        let post = Request::post("https://host/a", "application/json", "{}")
            .header("Authorization", "Bearer SECRET")
            .unwrap()
            .header("Ocp-Apim-Subscription-Key", "SECRET")
            .unwrap()
            .basic_auth("me", "SECRET");
        let own = step(&post, 307, "/b").unwrap();
        assert!(own.has_body() && own.has_credentials());
        let other = step(&post, 303, "https://other/b").unwrap();
        assert!(!other.has_body() && !other.has_credentials());
        assert!(step(&post, 308, "https://other/b").unwrap_err().contains("another server"));
        let get = Request::get("https://host/a").range(0..5).header("Authorization", "Bearer SECRET").unwrap();
        let other = step(&get, 302, "https://other/b").unwrap();
        assert!(!other.has_credentials());
        assert_eq!(other.wanted_range(), Some(0..5));
        assert!(!step(&get, 302, "https://host:444/b").unwrap().has_credentials(), "another port is another origin");
    }
}
