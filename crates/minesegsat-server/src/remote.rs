//! Addresses that a client names, checked: the server must not be turned against its own network.

use url::{Host, Url};

use crate::problem::Problem;

/// The address of a catalogue that a client names, if it lies on one of these hosts.
pub(crate) fn checked(text: &str, hosts: &[String]) -> Result<Url, Problem> {
    let accepted = if hosts.is_empty() {
        "this server asks no catalogue but its own".to_owned()
    } else {
        format!("`https://` and one of the hosts {}", hosts.join(", "))
    };
    let refuse = || Problem::argument("catalogue", text, &accepted);
    let url = Url::parse(text).map_err(|_| refuse())?;
    // Names only: an address may be one of the inner network. What a name leads to is in the hands of who listed it.
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
    fn only_listed_hosts_are_asked() {
        let hosts = ["stac.example.org".to_owned()];
        assert!(checked("https://stac.example.org/v1", &hosts).is_ok());
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
            let error = checked(bad, &hosts).unwrap_err();
            assert!(error.detail.contains("stac.example.org"), "{bad}: {}", error.detail);
        }
        assert!(checked("https://stac.example.org/", &[]).is_err());
    }
}
