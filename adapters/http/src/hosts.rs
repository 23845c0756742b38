//! The names by which browsers may reach a service.

use std::net::Ipv6Addr;
use std::str::FromStr;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use thiserror::Error;

use crate::Problem;

/// The names of `PUBLIC_HOSTS`: whatever else a browser sends as `Host` or `Origin` is foreign.
///
/// Ports do not count: any port of these hosts is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicHosts(Vec<String>);

/// A name in `PUBLIC_HOSTS` that cannot be a host: it is empty, or has a scheme, port or path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a host name (write it without scheme, port and path; IPv6 in brackets)")]
pub struct InvalidHost(pub String);

impl Default for PublicHosts {
    fn default() -> Self {
        Self(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec())
    }
}

impl FromStr for PublicHosts {
    type Err = InvalidHost;

    /// Reads a comma-separated list; blanks around the names do not count.
    fn from_str(list: &str) -> Result<Self, InvalidHost> {
        list.split(',')
            .map(|name| {
                let name = name.trim();
                match host_of(name) {
                    Some(host) if host == name => Ok(name.to_ascii_lowercase()),
                    _ => Err(InvalidHost(name.to_owned())),
                }
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl PublicHosts {
    /// The names in lower case, IPv6 in brackets; for a page's CSP.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a `Host` header names us: `host` or `host:port`.
    pub fn allows_host(&self, host: &str) -> bool {
        host_of(host).is_some_and(|host| self.0.iter().any(|own| own.eq_ignore_ascii_case(host)))
    }

    /// Whether an `Origin` header, if there is one, names us. `null` and any scheme but http and
    /// https are foreign; no origin at all passes, since browsers send one where it matters.
    pub fn allows_origin(&self, origin: Option<&str>) -> bool {
        let Some(origin) = origin else { return true };
        let Some((scheme, authority)) = origin.split_once("://") else {
            return false;
        };
        let http = ["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme));
        http && self.allows_host(authority)
    }

    /// Refuses a request whose `Host` is foreign, missing or repeated, or whose `Origin` is
    /// foreign; for pages and WebSocket handshakes.
    ///
    /// # Errors
    /// 403.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let mut hosts = headers.get_all(HOST).iter();
        let own = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().is_ok_and(|host| self.allows_host(host)),
            _ => false,
        };
        if !own {
            return Err(foreign("foreign-host", "The Host header names another host"));
        }
        // A second origin is as foreign as one that is no text.
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = origins.next().map(|origin| origin.to_str().unwrap_or("null"));
        if origins.next().is_some() || !self.allows_origin(origin) {
            return Err(foreign("foreign-origin", "The request comes from a foreign page"));
        }
        Ok(())
    }
}

fn foreign(slug: &'static str, title: &'static str) -> Problem {
    Problem::forbidden("only the hosts of PUBLIC_HOSTS are served")
        .with_kind(slug, title)
        .with_hint("Use one of the names in PUBLIC_HOSTS, or add the name there.")
}

/// The host of `host[:port]`; `None` if it has any other form.
fn host_of(authority: &str) -> Option<&str> {
    let end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end);
    let port_ok = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host_ok = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_name_byte),
    };
    (port_ok && host_ok).then_some(host)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_pass_as_host_with_any_port() {
        let hosts = PublicHosts::default();
        for own in ["localhost", "LOCALHOST:3000", "127.0.0.1:1", "[::1]", "[::1]:3000"] {
            assert!(hosts.allows_host(own), "{own}");
        }
        let foreign = [
            "",
            ":3000",
            "localhost.evil.example",
            "evil.example",
            "localhost:x",
            "localhost:1:2",
            "localhost/",
            "user@localhost",
            "localhost evil",
            "::1",
            "[::1",
            "[::1]x",
            "[]",
            "127.0.0.1.evil.example",
            "xlocalhost",
            "localhost.",
            "[[::1]]",
        ];
        for host in foreign {
            assert!(!hosts.allows_host(host), "{host}");
        }
    }

    #[test]
    fn only_our_own_names_pass_as_origin() {
        let hosts = PublicHosts::default();
        assert!(hosts.allows_origin(None));
        for own in ["http://localhost", "https://localhost:8080", "http://[::1]:3000"] {
            assert!(hosts.allows_origin(Some(own)), "{own}");
        }
        let foreign = [
            "null",
            "",
            "localhost",
            "file://",
            "file://localhost",
            "http://evil.example",
            "http://localhost.evil.example",
            "http://evil.example:3000/localhost",
            "http://localhost@evil.example",
            "http://evil.example#localhost",
            "http://",
            "chrome-extension://localhost",
            "http://localhost/path",
            "http://localhost, http://x",
        ];
        for origin in foreign {
            assert!(!hosts.allows_origin(Some(origin)), "{origin}");
        }
    }

    #[test]
    fn a_list_is_read_or_its_bad_name_is_given_back() {
        let hosts: PublicHosts = "Shop.example, [2001:db8::1]".parse().unwrap();
        assert!(hosts.names().eq(["shop.example", "[2001:db8::1]"]));
        assert!(hosts.allows_host("shop.example:443") && !hosts.allows_host("localhost"));
        for bad in ["", "a,,b", "http://a", "a:80", "a/b", "2001:db8::1", "*.example"] {
            assert!(bad.parse::<PublicHosts>().is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_are_refused_when_foreign_or_repeated() {
        let slug = |pairs: &[(http::HeaderName, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(name, value.parse().unwrap());
            }
            PublicHosts::default().check(&headers).err().map(|p| p.slug().to_owned())
        };
        assert_eq!(slug(&[(HOST, "localhost:3000")]), None);
        assert_eq!(slug(&[(HOST, "localhost"), (ORIGIN, "http://127.0.0.1:3000")]), None);
        let foreign_host = Some("foreign-host".to_owned());
        assert_eq!(slug(&[]), foreign_host);
        assert_eq!(slug(&[(HOST, "evil.example")]), foreign_host);
        assert_eq!(slug(&[(HOST, "localhost"), (HOST, "evil.example")]), foreign_host);
        let foreign_origin = Some("foreign-origin".to_owned());
        assert_eq!(slug(&[(HOST, "localhost"), (ORIGIN, "null")]), foreign_origin);
        let twice = [(HOST, "localhost"), (ORIGIN, "http://localhost"), (ORIGIN, "http://x")];
        assert_eq!(slug(&twice), foreign_origin);
    }
}
