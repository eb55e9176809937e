//! Parses the heads of requests and responses, and rewrites them for the next hop. Pure.

use std::fmt::Write as _;

use super::hosts::Target;

/// Maximum number of bytes and lines of a head.
pub(super) const HEAD: usize = 64 << 10;
const HEADERS: usize = 128;

/// Hop-by-hop headers, which are not forwarded. `Connection` lists more.
const NEIGHBOURS: &[&str] = &[
    "connection",
    "proxy-connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    // Rewritten from the requested address.
    "host",
];

/// What a client requests.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// A tunnel: bytes are forwarded in both directions.
    Tunnel(Target),
    /// One request: its rewritten head, and the length of the body that follows.
    Request { target: Target, head: Vec<u8>, body: u64 },
}

/// A parsed head, and its length in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read<T> {
    pub(super) value: T,
    pub(super) length: usize,
}

/// A response's rewritten head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) head: Vec<u8>,
    /// Another head follows, as after `100 Continue`.
    pub(super) interim: bool,
}

/// An invalid request: status and reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadRequest(pub(super) u16, pub(super) &'static str);

/// Parses a request's head; `None` if it is incomplete.
pub(super) fn request(bytes: &[u8]) -> Result<Option<Read<Wish>>, BadRequest> {
    let bad = |why| BadRequest(400, why);
    let mut lines = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut lines);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(bad("the request can't be read")),
    };
    let (Some(method), Some(path), Some(version)) = (request.method, request.path, request.version)
    else {
        return Err(bad("the request can't be read"));
    };
    if method == "CONNECT" {
        let target =
            Target::parse(path, None).ok_or(bad("`CONNECT` needs a host and a port, no more"))?;
        return Ok(Some(Read { value: Wish::Tunnel(target), length }));
    }
    let rest = path.get(..7).filter(|start| start.eq_ignore_ascii_case("http://"));
    let rest = rest.map(|_| &path[7..]).ok_or(bad("it takes `CONNECT` and `http://` only"))?;
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let target =
        Target::parse(authority, Some(80)).ok_or(bad("its host can't be read, or has a user"))?;
    let rest = rest.split('#').next().unwrap_or_default();
    let slash = if rest.starts_with('/') { "" } else { "/" };
    let mut head =
        format!("{method} {slash}{rest} HTTP/1.{version}\r\nHost: {}\r\n", target.header())
            .into_bytes();
    let mut body = None;
    for line in request.headers.iter() {
        if line.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(BadRequest(411, "a body needs a `Content-Length` here"));
        }
        if line.name.eq_ignore_ascii_case("content-length") {
            let digits = line.value.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(line.value).ok().and_then(|text| text.parse().ok());
            let length: u64 = length.filter(|_| digits).ok_or(bad("its length is no number"))?;
            if body.replace(length).is_some() {
                return Err(bad("it says its length twice"));
            }
        }
    }
    pass_on(request.headers, &mut head);
    Ok(Some(Read { value: Wish::Request { target, head, body: body.unwrap_or_default() }, length }))
}

/// Parses a response's head; `None` if it is incomplete.
pub(super) fn response(bytes: &[u8]) -> Result<Option<Read<Response>>, BadRequest> {
    let bad = BadRequest(502, "the server's answer can't be read");
    let mut lines = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut lines);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(bad),
    };
    let (Some(version), Some(code)) = (response.version, response.code) else { return Err(bad) };
    if code == 101 {
        return Err(BadRequest(502, "the server speaks another protocol"));
    }
    let reason = response.reason.unwrap_or_default();
    let mut head = format!("HTTP/1.{version} {code} {reason}\r\n").into_bytes();
    pass_on(response.headers, &mut head);
    let interim = (100..200).contains(&code);
    Ok(Some(Read { value: Response { head, interim }, length }))
}

/// Appends the headers to forward, `Connection: close`, and the end of the head.
fn pass_on(lines: &[httparse::Header<'_>], head: &mut Vec<u8>) {
    let named: Vec<String> = lines
        .iter()
        .filter(|line| line.name.eq_ignore_ascii_case("connection"))
        .flat_map(|line| line.value.split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        // These define where a body ends.
        .filter(|name| !["content-length", "transfer-encoding"].contains(&name.as_str()))
        .collect();
    for line in lines {
        let name = line.name.to_ascii_lowercase();
        if !NEIGHBOURS.contains(&name.as_str()) && !named.contains(&name) {
            head.extend_from_slice(line.name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(line.value);
            head.extend_from_slice(b"\r\n");
        }
    }
    head.extend_from_slice(b"Connection: close\r\n\r\n");
}

/// A response of the proxy itself. Clients show little more than the status line when a tunnel is
/// refused, so it includes the reason.
pub(super) fn answer(status: u16, reason: &str) -> Vec<u8> {
    let body = format!("{reason}\n");
    let mut text = format!("HTTP/1.1 {status} {reason}\r\n");
    let _ = write!(
        text,
        "Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

    use super::*;

    fn sent_on(head: &str) -> Result<(String, String, u64), u16> {
        match request(head.as_bytes()) {
            Ok(Some(Read { value: Wish::Request { target, head, body }, .. })) => {
                Ok((target.to_string(), String::from_utf8(head).unwrap(), body))
            }
            Ok(Some(Read { value: Wish::Tunnel(target), .. })) => {
                Ok((target.to_string(), String::new(), 0))
            }
            Ok(None) => Err(0),
            Err(BadRequest(status, _)) => Err(status),
        }
    }

    #[test]
    fn a_request_is_sent_on_to_the_host_of_its_address_and_no_other() {
        for (request, target, head) in [
            (
                "GET http://a.org/x?y=1#z HTTP/1.1\r\nHost: evil.org\r\nProxy-Connection: keep-alive\r\nA: 1\r\n\r\n",
                "a.org:80",
                "GET /x?y=1 HTTP/1.1\r\nHost: a.org\r\nA: 1\r\nConnection: close\r\n\r\n",
            ),
            (
                "GET HTTP://A.org:8080 HTTP/1.0\r\nConnection: x-own, keep-alive\r\nX-Own: 1\r\nProxy-Authorization: me\r\n\r\n",
                "a.org:8080",
                "GET / HTTP/1.0\r\nHost: a.org:8080\r\nConnection: close\r\n\r\n",
            ),
            (
                "POST http://[::ffff:1.2.3.4]?q HTTP/1.1\r\nConnection: content-length\r\nContent-Length: 3\r\n\r\nabc",
                "1.2.3.4:80",
                "POST /?q HTTP/1.1\r\nHost: 1.2.3.4\r\nContent-Length: 3\r\nConnection: close\r\n\r\n",
            ),
            ("CONNECT A.org.:443 HTTP/1.1\r\nHost: evil.org\r\n\r\n", "a.org:443", ""),
        ] {
            let (seen, sent, _) = sent_on(request).unwrap();
            assert_eq!((seen.as_str(), sent.as_str()), (target, head), "{request}");
        }
    }

    #[test]
    fn a_request_that_can_be_read_in_two_ways_is_refused() {
        for (request, status) in [
            ("GET / HTTP/1.1\r\nHost: a.org\r\n\r\n", 400),
            ("GET https://a.org/ HTTP/1.1\r\n\r\n", 400),
            ("GET ftp://a.org/ HTTP/1.1\r\n\r\n", 400),
            ("GET http:/a.org/ HTTP/1.1\r\n\r\n", 400),
            ("GET http://a.org@evil.org/ HTTP/1.1\r\n\r\n", 400),
            ("GET http://a.org:80@evil.org/ HTTP/1.1\r\n\r\n", 400),
            ("GET http://evil.org\\@a.org/ HTTP/1.1\r\n\r\n", 400),
            ("GET http://a.org%00.evil.org/ HTTP/1.1\r\n\r\n", 400),
            ("GET http:// HTTP/1.1\r\n\r\n", 400),
            ("CONNECT a.org HTTP/1.1\r\n\r\n", 400),
            ("CONNECT a.org:443/x HTTP/1.1\r\n\r\n", 400),
            ("CONNECT a.org@evil.org:443 HTTP/1.1\r\n\r\n", 400),
            ("POST http://a.org/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
            ("POST http://a.org/ HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400),
            ("POST http://a.org/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
            ("nonsense\r\n\r\n", 400),
            ("GET http://a.org/ HTTP/1.1\r\nA: 1\r\n", 0),
        ] {
            assert_eq!(sent_on(request), Err(status), "{request}");
        }
    }

    #[test]
    fn a_response_ends_its_connection() {
        let text = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let read = response(text.as_bytes()).unwrap().unwrap();
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
        assert_eq!(String::from_utf8(read.value.head).unwrap(), head);
        assert_eq!(&text[read.length..], "0\r\n\r\n");
        assert!(response(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap().unwrap().value.interim);
        assert!(response(b"HTTP/1.1 101 Up\r\n\r\n").is_err());
        assert!(response(b"SSH-2.0-x\r\n\r\n").is_err());
        assert_eq!(response(b"HTTP/1.1 200 OK\r\n"), Ok(None));
    }
}
