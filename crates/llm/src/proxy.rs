//! Proxies in environment variables: which proxy an address is reached through, and the error
//! message of a proxy that refuses a connection.

use super::env::{Lookup, environment};
use reqwest::{Client, ClientBuilder, Method, Proxy, Response, Url};
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// Environment variables of proxies, by the scheme of the requested URL.
const PROXIES: [(&str, [&str; 4]); 2] = [
    ("http", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
    ("https", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
];

/// Environment variables of the addresses that are reached without a proxy.
const EXCEPTED: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// Supported schemes of proxy addresses.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// Timeout to ask a proxy again why it opens no tunnel.
const AGAIN: Duration = Duration::from_secs(5);

/// Start of the HTTP library's message for a tunnel that a proxy did not open.
const TUNNEL: &str = "tunnel error: ";

/// A proxy from the environment. Its address can have a password and is never shown.
#[derive(Debug)]
pub(super) struct Named {
    /// The variable.
    pub(super) variable: &'static str,
    /// The address; `None` if the variable's value is not the address of a proxy.
    address: Option<Url>,
}

/// A proxy that can't be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the proxy of `{variable}` can't be used: write it as http://HOST:PORT or socks5h://HOST:PORT"
)]
pub(super) struct Unusable {
    /// The variable.
    pub(super) variable: &'static str,
}

/// The proxy for an address, if the environment has one.
pub(super) fn named(url: &Url) -> Option<Named> {
    named_in(url, &environment)
}

fn named_in(url: &Url, env: Lookup<'_>) -> Option<Named> {
    let host = url.host_str().unwrap_or_default();
    let excepted = EXCEPTED.iter().find_map(|name| env(name)).unwrap_or_default();
    if is_local(url) || is_excepted(&excepted, host, url.port_or_known_default()) {
        return None;
    }
    let (_, names) = PROXIES.iter().find(|(scheme, _)| *scheme == url.scheme())?;
    // In a CGI environment, a client's `Proxy` header becomes `HTTP_PROXY`.
    let is_ours = |name: &&&str| **name != "HTTP_PROXY" || env("REQUEST_METHOD").is_none();
    let (variable, value) =
        names.iter().filter(is_ours).find_map(|name| Some((*name, env(name)?)))?;
    Some(Named { variable, address: address(value.trim()) })
}

/// Parses the address of a proxy; HTTP is the default scheme.
fn address(text: &str) -> Option<Url> {
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&text).ok()?;
    let whole = url.host_str().is_some_and(|host| !host.is_empty())
        && matches!(url.path(), "" | "/")
        && url.query().is_none();
    (whole && SCHEMES.contains(&url.scheme())).then_some(url)
}

/// Configures a client to reach an address as the environment says.
pub(super) fn set(builder: ClientBuilder, url: &Url) -> Result<ClientBuilder, Unusable> {
    let Some(Named { variable, address }) = named(url) else {
        let names = PROXIES.iter().flat_map(|(_, names)| names);
        let none = !names.into_iter().any(|name| environment(name).is_some());
        // If the environment has no proxies, the system's settings apply.
        return Ok(if none && !is_local(url) { builder } else { builder.no_proxy() });
    };
    let proxy = address.and_then(|address| Proxy::all(address).ok());
    proxy.map(|proxy| builder.proxy(proxy)).ok_or(Unusable { variable })
}

/// Whether the address is a loopback address, which no proxy can reach.
pub(super) fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a list such as `NO_PROXY` has a host: `*`, names with all their subdomains, addresses,
/// networks such as `10.0.0.0/8`, each with or without a port.
fn is_excepted(list: &str, host: &str, port: Option<u16>) -> bool {
    let host = host.trim_matches(['[', ']']);
    let entries = list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
    entries.into_iter().any(|entry| {
        let (name, at) = split(entry);
        if at.is_some() && at != port {
            return false;
        }
        let name = name.trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            _ if name == "*" => true,
            Ok(ip) => is_in(ip, name),
            Err(_) => {
                let name = name.trim_start_matches('*').trim_start_matches('.');
                let at = host.len().checked_sub(name.len());
                at.and_then(|at| host.split_at_checked(at)).is_some_and(|(above, rest)| {
                    rest.eq_ignore_ascii_case(name)
                        && (above.is_empty() || above.ends_with('.'))
                        && !name.is_empty()
                })
            }
        }
    })
}

/// Splits an entry into name and port. The colons of an IPv6 address are not the start of a port.
fn split(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            port.parse().map_or((entry, None), |port| (name, Some(port)))
        }
        _ => (entry, None),
    }
}

/// Whether an address equals `network`, or is in that network.
fn is_in(ip: IpAddr, network: &str) -> bool {
    let (base, bits) = network.split_once('/').map_or((network, None), |(b, n)| (b, Some(n)));
    let Ok(base) = base.parse::<IpAddr>() else { return false };
    let (ip, base, size): (u128, u128, u32) = match (ip, base) {
        (IpAddr::V4(ip), IpAddr::V4(base)) => (ip.to_bits().into(), base.to_bits().into(), 32),
        (IpAddr::V6(ip), IpAddr::V6(base)) => (ip.to_bits(), base.to_bits(), 128),
        _ => return false,
    };
    match bits.map_or(Ok(size), str::parse::<u32>) {
        Ok(bits) if bits <= size => (ip ^ base).checked_shr(size - bits).unwrap_or(0) == 0,
        _ => false,
    }
}

/// The innermost cause of an error of the HTTP library, which has the reason; the outer ones only
/// have the place, with addresses.
pub(super) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(inner) = beneath(cause) {
        cause = inner;
    }
    cause
}

/// The message of a proxy that refused to open a tunnel, if that is the error.
pub(super) fn refusal(error: &(dyn Error + 'static)) -> Option<String> {
    let said = innermost(error).to_string();
    said.strip_prefix(TUNNEL).map(str::to_owned)
}

/// Asks the proxy for an address once more for a tunnel: the HTTP library does not pass on the
/// status, reason and body of the first response. `None` if the proxy opens the tunnel now, or does
/// not answer.
pub(super) async fn refused_again(url: &Url) -> Option<Response> {
    let address = named(url)?.address?;
    // With the method CONNECT, the request target of any http address is its authority alone.
    let host = url.host_str()?;
    let there = Url::parse(&format!("http://{host}:{}", url.port_or_known_default()?)).ok()?;
    let builder = Client::builder().timeout(AGAIN).redirect(reqwest::redirect::Policy::none());
    let builder = builder.http1_only().http1_title_case_headers().proxy(Proxy::all(address).ok()?);
    let request = builder.build().ok()?.request(Method::CONNECT, there);
    request.send().await.ok().filter(|answer| !answer.status().is_success())
}

/// The next cause. An error inside an `io::Error` is not returned by `source`, but has more
/// details.
fn beneath<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    carried.map(|carried| carried as &(dyn Error + 'static)).or_else(|| error.source())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn the_proxy_for_a_url_is_read_from_the_environment() {
        for (url, env, variable, address) in [
            ("http://h/v1", "http_proxy=http://p:1", "http_proxy", "http://p:1/"),
            ("http://h/v1", "HTTP_PROXY=p:3128", "HTTP_PROXY", "http://p:3128/"),
            ("https://h", "https_proxy=http://me:pw@p:1/", "https_proxy", "http://me:pw@p:1/"),
            ("https://h", "ALL_PROXY=socks5h://p", "ALL_PROXY", "socks5h://p"),
            ("https://h", "http_proxy=http://p:1", "", ""),
            ("http://127.0.0.1:1", "http_proxy=http://p:1", "", ""),
            ("http://h", "http_proxy=http://p:1 NO_PROXY=h", "", ""),
            ("http://h:8", "http_proxy=http://p:1 NO_PROXY=h:8", "", ""),
            ("http://h:8", "http_proxy=http://p:1 NO_PROXY=h:9", "http_proxy", "http://p:1/"),
            ("http://h", "HTTP_PROXY=http://p:1 REQUEST_METHOD=GET", "", ""),
            // An invalid proxy address is reported, not ignored.
            ("http://h", "http_proxy=http//p:3128", "http_proxy", "-"),
            ("http://h", "http_proxy=http:/p:3128", "http_proxy", "-"),
            ("http://h", "http_proxy=ftp://p:3128", "http_proxy", "-"),
            ("http://h", "http_proxy=http://p:port", "http_proxy", "-"),
            ("http://h", "http_proxy=http://", "http_proxy", "-"),
            ("http://h", "http_proxy=:3128", "http_proxy", "-"),
            ("http://h", "http_proxy=http://p:3128/path", "http_proxy", "-"),
        ] {
            let set: Vec<(&str, &str)> =
                env.split(' ').map(|one| one.split_once('=').unwrap()).collect();
            let lookup = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let found = named_in(&Url::parse(url).unwrap(), &lookup);
            let shown = found.map_or((String::new(), String::new()), |found| {
                let address = found.address.map_or_else(|| "-".to_owned(), |url| url.to_string());
                (found.variable.to_owned(), address)
            });
            assert_eq!((shown.0.as_str(), shown.1.as_str()), (variable, address), "{url} {env}");
        }
    }

    #[test]
    fn no_proxy_matches_hosts_networks_and_ports() {
        for (list, host, port, excepted) in [
            ("*", "h", 80, true),
            ("example.com", "example.com", 80, true),
            ("example.com", "api.EXAMPLE.com", 80, true),
            (".example.com", "api.example.com", 80, true),
            ("*.example.com", "api.example.com", 80, true),
            ("example.com", "notexample.com", 80, false),
            ("a, b.c ,d", "b.c", 80, true),
            ("a b", "b", 80, true),
            ("h:8080", "h", 8080, true),
            ("h:8080", "h", 80, false),
            ("10.0.0.0/8", "10.200.3.4", 80, true),
            ("10.0.0.0/8", "11.0.0.1", 80, false),
            ("10.0.0.7", "10.0.0.7", 80, true),
            ("10.0.0.7:80", "10.0.0.7", 80, true),
            ("0.0.0.0/0", "10.0.0.7", 80, true),
            ("10.0.0.0/99", "10.0.0.7", 80, false),
            ("::1", "[::1]", 80, true),
            ("[fd00::1]:80", "[fd00::1]", 80, true),
            ("[fd00::1]:80", "[fd00::1]", 81, false),
            ("fd00::/8", "[fd12::1]", 80, true),
            ("", "h", 80, false),
            (",.,", "h", 80, false),
            ("é", "h", 80, false),
        ] {
            assert_eq!(is_excepted(list, host, Some(port)), excepted, "{list} {host}:{port}");
        }
    }

    #[test]
    fn the_innermost_io_error_is_reported() {
        let inner = io::Error::new(io::ErrorKind::InvalidData, "invalid peer certificate: x");
        let outer = io::Error::other(inner);
        assert_eq!(innermost(&outer).to_string(), "invalid peer certificate: x");
        let refused = io::Error::other(format!("{TUNNEL}unsuccessful"));
        assert_eq!(refusal(&refused).as_deref(), Some("unsuccessful"));
        assert_eq!(refusal(&outer), None);
    }
}
