//! The proxies that the environment names: which one an address is reached through, and what one that
//! does not let us through says.

use super::env::{Lookup, environment};
use reqwest::{Client, ClientBuilder, Method, Proxy, Response, Url};
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// Where the environment names a proxy, by the scheme that it is for.
const PROXIES: [(&str, [&str; 4]); 2] = [
    ("http", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
    ("https", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
];

/// Where the environment names what is reached without one.
const EXCEPTED: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// How a proxy can be spoken to.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// How long a proxy may take to say again why it opens no tunnel.
const AGAIN: Duration = Duration::from_secs(5);

/// How the library begins what it says of a tunnel that a proxy did not open.
const TUNNEL: &str = "tunnel error: ";

/// A proxy that the environment names. Its address can hold a password and is never shown.
#[derive(Debug)]
pub(super) struct Named {
    /// The variable.
    pub(super) variable: &'static str,
    /// The address; none if what the variable holds is no proxy's.
    address: Option<Url>,
}

/// What keeps a proxy from being used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the proxy of `{variable}` can't be used: write it as http://HOST:PORT or socks5h://HOST:PORT"
)]
pub(super) struct Unusable {
    /// The variable.
    pub(super) variable: &'static str,
}

/// The proxy that the environment names for an address, if any.
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
    // What a server's guest sends as a header can stand in the environment of its programs.
    let is_ours = |name: &&&str| **name != "HTTP_PROXY" || env("REQUEST_METHOD").is_none();
    let (variable, value) =
        names.iter().filter(is_ours).find_map(|name| Some((*name, env(name)?)))?;
    Some(Named { variable, address: address(value.trim()) })
}

/// The address of a proxy; one without a scheme speaks HTTP.
fn address(text: &str) -> Option<Url> {
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&text).ok()?;
    let whole = url.host_str().is_some_and(|host| !host.is_empty())
        && matches!(url.path(), "" | "/")
        && url.query().is_none();
    (whole && SCHEMES.contains(&url.scheme())).then_some(url)
}

/// Has a client reach an address as the environment says.
pub(super) fn set(builder: ClientBuilder, url: &Url) -> Result<ClientBuilder, Unusable> {
    let Some(Named { variable, address }) = named(url) else {
        let names = PROXIES.iter().flat_map(|(_, names)| names);
        let none = !names.into_iter().any(|name| environment(name).is_some());
        // Where the environment says nothing, the system's settings may.
        return Ok(if none && !is_local(url) { builder } else { builder.no_proxy() });
    };
    let proxy = address.and_then(|address| Proxy::all(address).ok());
    proxy.map(|proxy| builder.proxy(proxy)).ok_or(Unusable { variable })
}

/// Whether the address is this machine's own, which no proxy can reach.
pub(super) fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a list as that of `NO_PROXY` names a host: `*`, names with all below them, addresses,
/// networks as `10.0.0.0/8`, each with a port or without.
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

/// An entry's name and its port. The colons of an IPv6 address are no port's.
fn split(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            port.parse().map_or((entry, None), |port| (name, Some(port)))
        }
        _ => (entry, None),
    }
}

/// Whether an address is this one, or of this network.
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

/// The innermost cause of an error of the library, which says what happened; the outer ones only say
/// where, with addresses.
pub(super) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(inner) = beneath(cause) {
        cause = inner;
    }
    cause
}

/// What a proxy refused that was to open a tunnel, if it is that which went wrong.
pub(super) fn refusal(error: &(dyn Error + 'static)) -> Option<String> {
    let said = innermost(error).to_string();
    said.strip_prefix(TUNNEL).map(str::to_owned)
}

/// The answer of the proxy that is named for an address, asked once more for a tunnel there: the
/// library keeps its status, its reason and its body to itself. `None` if it opens the tunnel now, or
/// says nothing.
pub(super) async fn refused_again(url: &Url) -> Option<Response> {
    let address = named(url)?.address?;
    // Any address of http is asked for by its authority alone where the method is CONNECT.
    let host = url.host_str()?;
    let there = Url::parse(&format!("http://{host}:{}", url.port_or_known_default()?)).ok()?;
    let builder = Client::builder().timeout(AGAIN).redirect(reqwest::redirect::Policy::none());
    let builder = builder.http1_only().http1_title_case_headers().proxy(Proxy::all(address).ok()?);
    let request = builder.build().ok()?.request(Method::CONNECT, there);
    request.send().await.ok().filter(|answer| !answer.status().is_success())
}

/// The next cause. What an error of the system carries is none of its causes, and says more than it.
fn beneath<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    carried.map(|carried| carried as &(dyn Error + 'static)).or_else(|| error.source())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn an_address_is_reached_through_the_proxy_that_is_named_for_it() {
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
            // What is no proxy's address is told, not left out.
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
    fn a_list_of_exceptions_names_hosts_networks_and_ports() {
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
    fn what_an_error_of_the_system_carries_is_what_happened() {
        let inner = io::Error::new(io::ErrorKind::InvalidData, "invalid peer certificate: x");
        let outer = io::Error::other(inner);
        assert_eq!(innermost(&outer).to_string(), "invalid peer certificate: x");
        let refused = io::Error::other(format!("{TUNNEL}unsuccessful"));
        assert_eq!(refusal(&refused).as_deref(), Some("unsuccessful"));
        assert_eq!(refusal(&outer), None);
    }
}
