//! Checks URLs of clients, so that no client can make the server send requests into its own network.

use url::{Host, Url};

use crate::problem::Problem;

/// Parses the URL of a catalogue. An error unless its host is one of `hosts`.
pub(crate) fn parse_catalogue_url(text: &str, hosts: &[String]) -> Result<Url, Problem> {
    let accepted = if hosts.is_empty() {
        "this server allows no catalogue but its own".to_owned()
    } else {
        format!("an `https://` URL on one of the hosts {}", hosts.join(", "))
    };
    let refuse = || Problem::argument("catalogue", text, &accepted);
    let url = Url::parse(text).map_err(|_| refuse())?;
    // Domain names only: an IP address may belong to the internal network. The operator who allows a name is responsible for
    // its addresses.
    let Some(Host::Domain(host)) = url.host() else { return Err(refuse()) };
    let fits = url.scheme() == "https"
        && url.username().is_empty()
        && url.password().is_none()
        && url.port().is_none()
        && hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
    if fits { Ok(url) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_hosts_are_accepted() {
        let hosts = ["stac.example.org".to_owned()];
        assert!(parse_catalogue_url("https://stac.example.org/v1", &hosts).is_ok());
        for bad in [
            "http://stac.example.org/v1",
            "https://stac.example.org:8443/",
            "https://stac.example.org@evil.example/",
            "https://user:secret@stac.example.org/",
            "https://evil.stac.example.org/",
            "https://stac.example.org.evil.example/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/latest",
            "file:///etc/passwd",
            "stac.example.org",
            "",
        ] {
            let error = parse_catalogue_url(bad, &hosts).unwrap_err();
            assert!(error.detail.contains("stac.example.org"), "{bad}: {}", error.detail);
        }
        assert!(parse_catalogue_url("https://stac.example.org/", &[]).is_err());
    }
}
