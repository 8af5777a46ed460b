//! Clients behind a reverse proxy. Without a look at what the proxy forwards, all of them would be one client, and one of them
//! could use up the limits of everybody.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// An address or a network in CIDR notation: `10.0.0.5`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// This machine, IPv4 and IPv6.
    pub const LOOPBACK: [Self; 2] = [
        Self { address: IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 0)), prefix: 8 },
        Self { address: IpAddr::V6(std::net::Ipv6Addr::LOCALHOST), prefix: 128 },
    ];

    /// Whether an address lies in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address.to_canonical() {
            IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, true),
            IpAddr::V6(v6) => (u128::from(v6), false),
        };
        let ((own, own_v4), (other, other_v4)) = (bits(self.address), bits(address));
        let shift = 128 - u32::from(self.prefix);
        own_v4 == other_v4 && (shift == 128 || own >> shift == other >> shift)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("`{text}` is not an address or a network such as 10.0.0.5 or 10.0.0.0/8");
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.trim().parse().map_err(|_| refuse())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), |prefix| prefix.trim().parse::<u8>().map_err(|_| refuse()))?;
        if prefix > longest { Err(refuse()) } else { Ok(Self { address, prefix }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The client of a request: the peer, or what trusted proxies say. Each proxy adds the address that it saw at the end of
/// `X-Forwarded-For`, so the list is read from its end, as far as the proxies are trusted. Anybody can send the rest.
pub(crate) fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    if !is_trusted(client) {
        return client;
    }
    let values: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    for text in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        let Some(address) = address_of(text.trim()) else { return client };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// An address with or without a port: `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address_of(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client_of(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_name_clients() {
        let proxies = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"];
        assert_eq!(client("127.0.0.1", &["203.0.113.7"], &proxies), "203.0.113.7");
        assert_eq!(client("203.0.113.9", &["203.0.113.7"], &proxies), "203.0.113.9", "a client cannot name another");
        assert_eq!(client("10.1.2.3", &["1.1.1.1, 203.0.113.7", "10.9.9.9"], &proxies), "203.0.113.7");
        assert_eq!(client("fd00::1", &["[2001:db8::1]:443"], &proxies), "2001:db8::1");
        assert_eq!(client("127.0.0.1", &["198.51.100.1:1234"], &proxies), "198.51.100.1");
        assert_eq!(client("127.0.0.1", &["unknown, 198.51.100.1, nonsense"], &proxies), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &[], &proxies), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["203.0.113.7"], &[]), "127.0.0.1");
    }

    #[test]
    fn networks_are_addresses_with_a_length() {
        let of = |text: &str| text.parse::<Network>();
        assert!(of("10.0.0.0/8").unwrap().contains("10.255.0.1".parse().unwrap()));
        assert!(!of("10.0.0.0/8").unwrap().contains("11.0.0.1".parse().unwrap()));
        assert!(of("0.0.0.0/0").unwrap().contains("11.0.0.1".parse().unwrap()));
        assert!(!of("0.0.0.0/0").unwrap().contains("::1".parse().unwrap()));
        assert!(of("127.0.0.0/8").unwrap().contains("::ffff:127.0.0.1".parse().unwrap()));
        for bad in ["", "10.0.0.0/33", "host", "::/129", "10.0.0.0/x"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
