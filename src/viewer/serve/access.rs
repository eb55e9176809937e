//! Access control: only the browser that opened the address with the token may use this server,
//! under the server's own host name. Other pages in that browser may not.

use super::{Failure, Site};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Allows resources of this server only, and no inline scripts.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The checks of each request.
#[derive(Clone, Debug)]
pub struct AccessCheck {
    address: SocketAddr,
    /// The secret in the printed address.
    token: String,
    /// The secret that a browser gets after it sent the token.
    cookie: String,
}

/// The result of the checks.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    /// The request is allowed.
    In,
    /// The request has the token: redirect to this path, without the token in the address.
    Token(String),
    /// The request is refused, with a message.
    Refused(StatusCode, &'static str),
}

impl AccessCheck {
    /// Creates new secrets for a server at this address.
    ///
    /// # Errors
    /// The system provides no random bytes.
    pub fn new(address: SocketAddr) -> Result<Self, getrandom::Error> {
        Ok(Self { address, token: secret()?, cookie: secret()? })
    }

    /// The address to open in a browser.
    #[must_use]
    pub fn url(&self) -> String {
        let mut shown = self.address;
        if shown.ip().is_unspecified() {
            shown.set_ip(match shown {
                SocketAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
                SocketAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            });
        }
        format!("http://{shown}/?token={}", self.token)
    }

    /// The token, for clients other than browsers.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Allows requests with the token in the header `Authorization`.
    ///
    /// # Errors
    /// The status and message of a refusal.
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
        self.look(headers)?;
        let given = text(headers, &header::AUTHORIZATION).and_then(|all| all.split_once(' '));
        let is_token = |(kind, token): (&str, &str)| {
            kind.eq_ignore_ascii_case("bearer") && same(token.trim(), &self.token)
        };
        if given.is_some_and(is_token) {
            return Ok(());
        }
        Err((
            StatusCode::UNAUTHORIZED,
            "bring the token that was printed: `Authorization: Bearer TOKEN`",
        ))
    }

    /// Checks that a request is for this server, and does not come from another origin's page.
    fn look(&self, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
        let Some(host) = text(headers, &header::HOST).filter(|host| self.is_own(host)) else {
            return Err((StatusCode::FORBIDDEN, "this server is not called that"));
        };
        if headers.contains_key(header::ORIGIN)
            && text(headers, &header::ORIGIN) != Some(&format!("http://{host}"))
        {
            return Err((StatusCode::FORBIDDEN, "another page may not ask this server anything"));
        }
        Ok(())
    }

    fn enter(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Entry {
        use Entry::{In, Refused, Token};
        if let Err((status, why)) = self.look(headers) {
            return Refused(status, why);
        }
        let query = uri.query().unwrap_or_default();
        let given = query.split('&').find_map(|pair| pair.strip_prefix("token="));
        if let Some(given) = given.filter(|_| *method == Method::GET) {
            return if same(given, &self.token) {
                Token(uri.path().to_owned())
            } else {
                Refused(StatusCode::FORBIDDEN, "this is not the token that `redraft serve` printed")
            };
        }
        let name = self.cookie_name();
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|c| c.to_str().ok());
        let mut pairs = cookies.flat_map(|c| c.split(';')).filter_map(|c| c.trim().split_once('='));
        if !pairs.any(|(key, value)| key == name && same(value, &self.cookie)) {
            let words = "open the address that `redraft serve` printed, with its token";
            return Refused(StatusCode::FORBIDDEN, words);
        }
        let kind = text(headers, &header::CONTENT_TYPE).and_then(|kind| kind.split(';').next());
        let json = kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        if *method == Method::POST && !json {
            return Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json");
        }
        In
    }

    /// Whether a `Host` is this server's own. Only addresses and `localhost` are: the owner of
    /// another name could point it to this machine, and its page would count as the same origin
    /// (DNS rebinding).
    fn is_own(&self, host: &str) -> bool {
        let (own, port) = (self.address.ip(), self.address.port());
        let (name, given) = match host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((name, given)) => (name, given.parse().ok()),
            None => (host, Some(80)),
        };
        if given != Some(port) {
            return false;
        }
        if name.eq_ignore_ascii_case("localhost") {
            return own.is_loopback() || own.is_unspecified();
        }
        let name = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
        name.parse().is_ok_and(|address: IpAddr| {
            own == address || own.is_unspecified() || (own.is_loopback() && address.is_loopback())
        })
    }

    /// The name includes the port, since browsers share cookies between the ports of a host.
    fn cookie_name(&self) -> String {
        format!("redraft_{}", self.address.port())
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(crate::files::hexadecimal(&bytes))
}

/// Compares two texts in constant time, for a given length.
fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let differ = |sum: u8, (a, b): (&u8, &u8)| sum | (a ^ b);
    one.len() == other.len() && one.iter().zip(other).fold(0, differ) == 0
}

/// Middleware: checks each request, and sets the security headers of the response.
pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let access = &site.access;
    let mut response = match access.enter(request.method(), request.uri(), request.headers()) {
        Entry::In => next.run(request).await,
        Entry::Refused(status, why) => Failure::new(status, why).into_response(),
        Entry::Token(path) => {
            let cookie = format!(
                "{}={}; HttpOnly; SameSite=Strict; Path=/",
                access.cookie_name(),
                access.cookie
            );
            let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, path)];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn access(address: &str) -> AccessCheck {
        AccessCheck { address: address.parse().unwrap(), token: "t0k".into(), cookie: "c00".into() }
    }

    #[test]
    fn only_the_server_s_own_addresses_are_valid_hosts() {
        for (address, host, is_own) in [
            ("127.0.0.1:8000", "127.0.0.1:8000", true),
            ("127.0.0.1:8000", "localhost:8000", true),
            ("127.0.0.1:8000", "LOCALHOST:8000", true),
            ("127.0.0.1:8000", "[::1]:8000", true),
            ("127.0.0.1:80", "127.0.0.1", true),
            ("[::1]:8000", "[::1]:8000", true),
            ("127.0.0.1:8000", "127.0.0.1:8001", false),
            ("127.0.0.1:8000", "127.0.0.1", false),
            ("127.0.0.1:8000", "evil.example:8000", false),
            ("127.0.0.1:8000", "127.0.0.1.evil.example:8000", false),
            ("127.0.0.1:8000", "192.0.2.1:8000", false),
            ("127.0.0.1:8000", "", false),
            ("0.0.0.0:8000", "192.0.2.1:8000", true),
            ("0.0.0.0:8000", "evil.example:8000", false),
            ("192.0.2.1:8000", "192.0.2.1:8000", true),
            ("192.0.2.1:8000", "localhost:8000", false),
        ] {
            assert_eq!(access(address).is_own(host), is_own, "{address} {host}");
        }
    }

    #[test]
    fn a_request_needs_the_cookie_or_token_and_the_server_s_own_origin() {
        let access = access("127.0.0.1:8000");
        let forbidden = StatusCode::FORBIDDEN;
        let refused = |status| Err(status);
        let cookie = "redraft_8000=c00";
        for (what, method, path, headers, expected) in [
            ("nothing", "GET", "/", vec![], refused(forbidden)),
            ("cookie", "GET", "/", vec![("cookie", cookie)], Ok(None)),
            ("among others", "GET", "/", vec![("cookie", "a=b; redraft_8000=c00")], Ok(None)),
            ("another port's", "GET", "/", vec![("cookie", "redraft_80=c00")], refused(forbidden)),
            ("wrong cookie", "GET", "/", vec![("cookie", "redraft_8000=c01")], refused(forbidden)),
            ("token", "GET", "/sessions/s?token=t0k", vec![], Ok(Some("/sessions/s"))),
            ("wrong token", "GET", "/?token=t0", vec![("cookie", cookie)], refused(forbidden)),
            ("token by post", "POST", "/?token=t0k", vec![], refused(forbidden)),
            (
                "its own page",
                "POST",
                "/sessions",
                vec![
                    ("cookie", cookie),
                    ("origin", "http://127.0.0.1:8000"),
                    ("content-type", "application/json; charset=utf-8"),
                ],
                Ok(None),
            ),
            (
                "a form",
                "POST",
                "/sessions",
                vec![("cookie", cookie), ("content-type", "text/plain")],
                refused(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            ),
            (
                "no content type",
                "POST",
                "/sessions",
                vec![("cookie", cookie)],
                refused(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            ),
            (
                "another page",
                "POST",
                "/sessions",
                vec![
                    ("cookie", cookie),
                    ("origin", "http://127.0.0.1:9000"),
                    ("content-type", "application/json"),
                ],
                refused(forbidden),
            ),
            (
                "no page's origin",
                "GET",
                "/",
                vec![("cookie", cookie), ("origin", "null")],
                refused(forbidden),
            ),
        ] {
            let mut map = HeaderMap::new();
            map.insert("host", HeaderValue::from_static("127.0.0.1:8000"));
            for (name, value) in headers {
                map.insert(name, HeaderValue::from_static(value));
            }
            let method = method.parse().unwrap();
            let entry = match access.enter(&method, &path.parse().unwrap(), &map) {
                Entry::In => Ok(None),
                Entry::Token(path) => Ok(Some(path)),
                Entry::Refused(status, _) => Err(status),
            };
            assert_eq!(entry, expected.map(|path| path.map(str::to_owned)), "{what}");
        }
    }
}
