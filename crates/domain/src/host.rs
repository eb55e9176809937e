//! Host names and addresses in a canonical form, for permissions and for the proxy in front of the
//! sandbox.

use std::fmt;
use std::net::IpAddr;

use url::Host;

/// Maximum length of a host name, in characters.
const LONGEST: usize = 253;
/// The only name that may stand for this machine.
pub const LOCALHOST: &str = "localhost";

/// A host with an optional port: `api.example.org`, `10.0.0.7:8080`, `[::1]:80`.
///
/// Names are lower case, in ASCII and without a final dot; all spellings of an address are equal,
/// and an IPv4-mapped IPv6 address is converted to IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedHost {
    host: Host,
    port: Option<u16>,
}

impl NamedHost {
    /// Parses an entry of a list.
    ///
    /// # Errors
    /// What is wrong with the entry.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            let text = super::text::one_line(text, 100);
            format!(
                "`{text}` is no host: {why}; write a name or an address, as in `api.example.org`, `10.0.0.7:8080` or `[::1]:80`"
            )
        };
        if text.contains('*') {
            return Err(wrong("every host is named by itself, `*` stands for none"));
        }
        let (host, port) = split(text).ok_or_else(|| wrong("its port is no number up to 65535"))?;
        let host = self::parse(host).ok_or_else(|| wrong("it can't be read"))?;
        Ok(Self { host, port })
    }

    /// Whether it matches this host and port.
    #[must_use]
    pub fn covers(&self, host: &Host, port: u16) -> bool {
        self.host == *host && self.port.is_none_or(|own| own == port)
    }

    /// Whether it matches everything that `other` matches.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        self.host == other.host && (self.port.is_none() || self.port == other.port)
    }

    /// Whether it is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == LOCALHOST,
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.is_loopback(),
        }
    }
}

impl fmt::Display for NamedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

/// Splits a text into host and optional port. Only the port number is checked.
#[must_use]
pub fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let bracket = text.rfind(']').map_or(0, |at| at + 1);
    match text[bracket..].rfind(':') {
        None => Some((text, None)),
        Some(at) => {
            let (host, port) = (&text[..bracket + at], &text[bracket + at + 1..]);
            let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let port: u16 = digits.then(|| port.parse().ok()).flatten()?;
            (port > 0).then_some((host, Some(port)))
        }
    }
}

/// Whether a name has only the characters of host names, so that it can be shown safely.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    name.len() <= LONGEST && !name.ends_with('.') && name.bytes().all(plain)
}

/// Parses a host without a port into its canonical form.
#[must_use]
pub fn parse(text: &str) -> Option<Host> {
    // A URL parser would decode these characters; no host is written with them here.
    if text.contains(['%', '@', '/', '\\']) || text.len() > 4 * LONGEST {
        return None;
    }
    let text = if text.starts_with('[') { text } else { text.strip_suffix('.').unwrap_or(text) };
    Some(match Host::parse(text).ok()? {
        Host::Ipv6(ip) => match ip.to_canonical() {
            IpAddr::V4(ip) => Host::Ipv4(ip),
            IpAddr::V6(ip) => Host::Ipv6(ip),
        },
        Host::Domain(name) if !is_name(&name) => return None,
        host => host,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

    use super::*;

    #[test]
    fn every_spelling_of_a_host_has_one_normal_form() {
        for (text, form) in [
            ("api.example.org", "api.example.org"),
            ("API.Example.ORG.", "api.example.org"),
            ("api.example.org.:443", "api.example.org:443"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("ｅｘａｍｐｌｅ.org", "example.org"),
            ("localhost:8080", "localhost:8080"),
            ("127.0.0.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("0177.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80"),
            ("[::FFFF:7f00:1]", "127.0.0.1"),
        ] {
            assert_eq!(NamedHost::parse(text).unwrap().to_string(), form, "{text}");
        }
    }

    #[test]
    fn an_invalid_host_is_refused_with_the_reason() {
        for text in [
            "",
            ":80",
            ".",
            "a..",
            "a b",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a:b",
            "*",
            "*.a.org",
            "https://a.org",
            "a.org/x",
            "me@a.org",
            "a%2eorg",
            "[::1",
            "::1",
            "1.2.3.4.5",
            "a\nb",
            "a`b",
            "[fe80::1%eth0]",
        ] {
            let error = NamedHost::parse(text).unwrap_err();
            assert!(error.contains("is no host") && !error.contains('\n'), "{text}: {error}");
        }
    }
}
