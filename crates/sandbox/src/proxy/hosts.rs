//! Decides which hosts a list allows, and which addresses a host name must not resolve to. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::Host;

use redraft_domain::host::{self, LOCALHOST, NamedHost};

/// Maximum number of hosts of the list named in a refusal.
const SHOWN: usize = 10;

/// A host and port to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
}

/// Why a connection is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The host is not on the list.
    NotListed(Target),
    /// It is on the list, but resolves to an address that a name must not lead to: the first such
    /// address, and its kind.
    Inside(Target, SocketAddr, &'static str),
}

impl Target {
    /// Parses `HOST:PORT`, or `HOST` with a default port.
    pub(super) fn parse(text: &str, default: Option<u16>) -> Option<Self> {
        let (host, port) = host::split(text)?;
        Some(Self { host: host::parse(host)?, port: port.or(default)? })
    }

    /// The value of a `Host` header, without the default port.
    pub(super) fn header(&self) -> String {
        if self.port == 80 { self.host.to_string() } else { self.to_string() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Refusal {
    /// The entry that would allow it.
    pub(super) fn wanted(&self) -> String {
        match self {
            Self::NotListed(target) => target.to_string(),
            Self::Inside(_, address, _) => address.to_string(),
        }
    }

    /// The reason in one line, for the script and its author.
    pub(super) fn words(&self, listed: &[NamedHost]) -> String {
        let names: Vec<String> =
            listed.iter().take(SHOWN).map(|host| format!("`{host}`")).collect();
        let more = if listed.len() > SHOWN { ", .." } else { "" };
        let listed = format!("{}{more}", names.join(", "));
        match self {
            Self::NotListed(target) => {
                format!("redraft: `{target}` is not allowed; allowed is {listed}")
            }
            Self::Inside(target, address, kind) => format!(
                "redraft: `{target}` is not allowed: it leads to {address}, {kind}, which the list \
                 has to name as an address; allowed is {listed}"
            ),
        }
    }
}

/// What is known of a target without a lookup.
pub(super) enum Known {
    /// Its addresses.
    Addresses(Vec<SocketAddr>),
    /// A name to look up.
    Lookup(String),
}

/// Checks a target against the list, and returns its addresses if no lookup is needed.
pub(super) fn listed(list: &[NamedHost], target: &Target) -> Result<Known, Refusal> {
    if !list.iter().any(|named| named.covers(&target.host, target.port)) {
        return Err(Refusal::NotListed(target.clone()));
    }
    let at = |ip: IpAddr| SocketAddr::new(ip, target.port);
    Ok(match &target.host {
        Host::Ipv4(ip) => Known::Addresses(vec![at((*ip).into())]),
        Host::Ipv6(ip) => Known::Addresses(vec![at((*ip).into())]),
        Host::Domain(name) if name == LOCALHOST => {
            Known::Addresses(vec![at(Ipv4Addr::LOCALHOST.into()), at(Ipv6Addr::LOCALHOST.into())])
        }
        Host::Domain(name) => Known::Lookup(name.clone()),
    })
}

/// The usable addresses of a name: those on the public internet, and those that the list names.
pub(super) fn usable(
    list: &[NamedHost],
    target: &Target,
    found: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Refusal> {
    let mut refusal = None;
    let mut usable = Vec::new();
    for address in found {
        let address = SocketAddr::new(address.ip().to_canonical(), target.port);
        match inside(address.ip()) {
            Some(kind) if !names(list, address) => {
                refusal.get_or_insert(Refusal::Inside(target.clone(), address, kind));
            }
            _ => usable.push(address),
        }
    }
    match refusal {
        Some(refusal) if usable.is_empty() => Err(refusal),
        _ => Ok(usable),
    }
}

/// Whether the list names this address itself.
pub(super) fn names(list: &[NamedHost], address: SocketAddr) -> bool {
    let host = match address.ip() {
        IpAddr::V4(ip) => Host::Ipv4(ip),
        IpAddr::V6(ip) => Host::Ipv6(ip),
    };
    let target = Target { host, port: address.port() };
    list.iter().any(|named| named.covers(&target.host, target.port))
}

/// The kind of an address that is not on the public internet.
fn inside(ip: IpAddr) -> Option<&'static str> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => inside_4(ip),
        IpAddr::V6(ip) => inside_6(ip),
    }
}

fn inside_4(ip: Ipv4Addr) -> Option<&'static str> {
    Some(match ip.octets() {
        [127, ..] => "this machine",
        [0, ..] => "an unspecified address",
        [169, 254, 169, 254] | [168, 63, 129, 16] => "a cloud's own service",
        [169, 254, ..] => "a link-local address",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => {
            "an address of a private network"
        }
        [224..=239, ..] => "a multicast address",
        [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => "a reserved address",
        _ => return None,
    })
}

fn inside_6(ip: Ipv6Addr) -> Option<&'static str> {
    let four = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        _ if ip.is_loopback() => Some("this machine"),
        _ if ip.is_unspecified() => Some("an unspecified address"),
        // NAT64 and 6to4 addresses, which embed an IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            inside_4(four(high, low))
        }
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Some("an address of a private network"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some("a reserved address"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("a reserved address"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

    use super::*;

    fn list(entries: &[&str]) -> Vec<NamedHost> {
        entries.iter().map(|entry| NamedHost::parse(entry).unwrap()).collect()
    }

    #[test]
    fn only_what_the_list_names_is_reached() {
        let names = list(&["a.org", "b.org:443", "10.0.0.1", "localhost:9"]);
        for (target, allowed) in [
            ("a.org:80", true),
            ("A.ORG.:8443", true),
            ("b.org:443", true),
            ("b.org:80", false),
            ("x.a.org:80", false),
            ("a.org.evil.net:80", false),
            ("evila.org:80", false),
            ("10.0.0.1:1", true),
            ("167772161:1", true),
            ("[::ffff:10.0.0.1]:1", true),
            ("10.0.0.2:1", false),
            ("localhost:9", true),
            ("127.0.0.1:9", false),
            ("localhost.a.org:9", false),
        ] {
            let target = Target::parse(target, None).unwrap();
            assert_eq!(super::listed(&names, &target).is_ok(), allowed, "{target}");
        }
    }

    #[test]
    fn a_name_does_not_lead_inside() {
        let names = list(&["a.org", "10.9.8.7:80"]);
        let target = Target::parse("a.org:80", None).unwrap();
        let usable = |found: &[&str]| {
            let found = found.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 80)).collect();
            super::usable(&names, &target, found)
        };
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "169.254.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "64:ff9b::a00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "5f00::1",
            "100::1",
        ] {
            assert!(matches!(usable(&[ip]), Err(Refusal::Inside(..))), "{ip}");
        }
        for ip in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::101:101",
            "2001:4860:4860::8888",
            "::ffff:1.1.1.1",
            "10.9.8.7",
        ] {
            assert_eq!(usable(&[ip]).unwrap().len(), 1, "{ip}");
        }
        // Of several addresses, only the public ones.
        let outside = usable(&["10.0.0.1", "1.1.1.1", "::1"]).unwrap();
        assert_eq!(outside, ["1.1.1.1:80".parse().unwrap()]);
        let refusal = usable(&["192.168.0.1"]).unwrap_err();
        assert_eq!(refusal.wanted(), "192.168.0.1:80");
        assert_eq!(
            refusal.words(&names),
            "redraft: `a.org:80` is not allowed: it leads to 192.168.0.1:80, an address of a private \
             network, which the list has to name as an address; allowed is `a.org`, `10.9.8.7:80`"
        );
    }
}
