//! How far inside a network an address lies. A document or a redirection may lead to an address that is as public as its
//! own, never further inside: otherwise a stranger could make this program read from the user's network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

use url::{Host, Url};

use super::public_url;

/// How far inside a network an address lies, from the outside inwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// An address of the internet.
    Public,
    /// An address of a private network (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// This machine.
    ThisMachine,
    /// Link-local, multicast and reserved addresses, such as the metadata service of a cloud.
    Link,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "a public address",
            Self::Private => "a private network",
            Self::ThisMachine => "this machine",
            Self::Link => "a link-local or reserved address",
        })
    }
}

impl Reach {
    /// The reach of an address. Ranges follow the IANA special-purpose registries (RFC 6890).
    pub fn of_address(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => Self::of_v6(v6),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, c, _] = address.octets();
        match (a, b, c) {
            (127 | 0, ..) => Self::ThisMachine,
            (10, ..) | (192, 168, _) | (192, 0, 0) | (172, 16..=31, _) | (100, 64..=127, _) | (198, 18 | 19, _) => {
                Self::Private
            }
            (169, 254, _) | (224..=255, ..) => Self::Link,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let segments = address.segments();
        let embedded = |high: u16, low: u16| Self::of_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
        match segments {
            [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Self::ThisMachine,
            // Mapped and compatible addresses, NAT64 and 6to4 contain an IPv4 address.
            [0, 0, 0, 0, 0, 0xffff | 0, high, low]
            | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
            | [0x2002, high, low, ..] => embedded(high, low),
            [0xfe80..=0xfebf | 0xff00..=0xffff, ..] => Self::Link,
            [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Self::Private,
            _ => Self::Public,
        }
    }

    /// The reach of the host of a URL as it is written. Names other than those of this machine count as public; their
    /// addresses are known only when they are connected to.
    pub fn of_url(url: &Url) -> Self {
        match url.host() {
            Some(Host::Ipv4(address)) => Self::of_v4(address),
            Some(Host::Ipv6(address)) => Self::of_v6(address),
            Some(Host::Domain(name)) => Self::of_name(name),
            None => Self::Public,
        }
    }

    fn of_name(name: &str) -> Self {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            Self::ThisMachine
        } else if name == "metadata.google.internal" {
            Self::Link
        } else {
            Self::Public
        }
    }
}

/// Checks that a document at `from` may lead to `to`. The error says why not.
pub fn check_step(from: &Url, to: &Url) -> std::result::Result<(), String> {
    let (own, other) = (Reach::of_url(from), Reach::of_url(to));
    // A server may lead to itself, whatever its address.
    if other <= own.min(Reach::ThisMachine) || (from.host_str() == to.host_str() && from.port() == to.port()) {
        return Ok(());
    }
    Err(format!("it leads to {other} (`{}`)", public_url(to.as_str())))
}

/// Whether the server of a URL has public addresses only. Its name is resolved; a name without an address counts as public.
/// Texts that are no URLs are not public.
pub fn is_public(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    if !["http", "https"].contains(&url.scheme()) || Reach::of_url(&url) != Reach::Public {
        return false;
    }
    let host = url.host_str().unwrap_or_default();
    match (host, url.port_or_known_default().unwrap_or(443)).to_socket_addrs() {
        Ok(mut addresses) => addresses.all(|address| Reach::of_address(address.ip()) == Reach::Public),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_in_every_spelling() {
        let of = |text: &str| Reach::of_url(&Url::parse(text).unwrap());
        for url in ["https://example.org/", "http://8.8.8.8/", "http://[2606:4700::1111]/", "http://172.32.0.1/"] {
            assert_eq!(of(url), Reach::Public, "{url}");
        }
        for url in
            ["http://10.0.0.1/", "http://172.16.9.9/", "http://192.168.1.1/", "http://[fd00::1]/", "http://100.64.0.1/"]
        {
            assert_eq!(of(url), Reach::Private, "{url}");
        }
        for url in [
            "http://127.0.0.1:8080/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0/",
            "http://[2002:7f00:1::]/",
        ] {
            assert_eq!(of(url), Reach::ThisMachine, "{url}");
        }
        for url in [
            "http://169.254.169.254/latest",
            "http://[fe80::1]/",
            "http://metadata.google.internal/",
            "http://255.1.1.1/",
        ] {
            assert_eq!(of(url), Reach::Link, "{url}");
        }
    }

    #[test]
    fn documents_lead_outwards_only() {
        let step = |from: &str, to: &str| check_step(&Url::parse(from).unwrap(), &Url::parse(to).unwrap());
        assert!(step("https://a.org/", "https://b.org/").is_ok());
        assert!(step("http://127.0.0.1:1/", "http://127.0.0.1:2/").is_ok());
        assert!(step("http://127.0.0.1/", "https://b.org/").is_ok());
        assert!(step("http://192.168.0.1/", "http://192.168.0.2/").is_ok());
        for (from, to) in [
            ("https://a.org/", "http://127.0.0.1/"),
            ("https://a.org/", "http://10.0.0.1/"),
            ("http://192.168.0.1/", "http://localhost/"),
            ("http://127.0.0.1/", "http://169.254.169.254/latest/meta-data"),
        ] {
            assert!(step(from, to).is_err(), "{from} to {to}");
        }
    }
}
