//! Values of settings and how they are written: public URL, durations, quotas, networks, log format.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use sotto_backend::Quota;
use url::{Host, Url};

/// The one origin under which browsers reach this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    origin: String,
    socket_origin: String,
    https: bool,
}

impl PublicUrl {
    /// What browsers send as `Origin`.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The same with `ws` or `wss`.
    pub(crate) fn socket_origin(&self) -> &str {
        &self.socket_origin
    }

    pub(crate) fn is_https(&self) -> bool {
        self.https
    }

    /// The URL of a listening address, for a server without a public URL of its own.
    pub(crate) fn of_listener(address: SocketAddr, tls: bool) -> Result<Self, String> {
        if address.ip().is_unspecified() {
            return Err("needed when listening on every address".into());
        }
        let scheme = if tls { "https" } else { "http" };
        format!("{scheme}://{address}").parse()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("{text:?} is not a URL ({error})"))?;
        let bare = url.username().is_empty() && url.password().is_none() && url.path() == "/";
        if !bare || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("{text:?} must be scheme, host and port alone"));
        }
        let https = match url.scheme() {
            "https" => true,
            // Browsers keep `Secure` cookies and give WebCrypto on plain HTTP to the own machine only.
            "http" if is_own_machine(url.host()) => false,
            "http" => return Err(format!("{text:?}: plain HTTP works for localhost, 127.0.0.1 and [::1] alone; use https")),
            other => return Err(format!("{text:?}: expected https, got {other}")),
        };
        let origin = url.origin().ascii_serialization();
        let socket_origin = origin.replacen("http", "ws", 1);
        Ok(Self { origin, socket_origin, https })
    }
}

fn is_own_machine(host: Option<Host<&str>>) -> bool {
    match host {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

/// A length of time as `90s`, `15m`, `12h` or `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a time like 90s, 15m, 12h or 30d");
        let unit = match text.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            _ => return Err(wrong()),
        };
        let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        let seconds = number.checked_mul(unit).filter(|seconds| (1..=3_650 * 86_400).contains(seconds)).ok_or_else(wrong)?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

/// A rate limit as `30/15m`: thirty at once, refilled evenly over fifteen minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(pub(crate) Quota);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a limit like 30/15m");
        let (burst, per) = text.split_once('/').ok_or_else(wrong)?;
        let burst = burst.parse().ok().filter(|burst| *burst > 0).ok_or_else(wrong)?;
        let Span(per) = per.parse().map_err(|_| wrong())?;
        Ok(Self(Quota { burst, per }))
    }
}

/// Networks whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = |part: &str| {
            let part = part.trim();
            part.parse::<IpNet>()
                .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| format!("{part:?} is neither an address nor a network like 10.0.0.0/8"))
        };
        text.split(',').map(network).collect::<Result<_, _>>().map(Self)
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("expected one of: text, json".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn public_urls_are_origins_and_plain_http_stays_on_the_own_machine() {
        let url: PublicUrl = "https://Chat.Example:443/".parse().unwrap();
        assert_eq!((url.origin(), url.socket_origin()), ("https://chat.example", "wss://chat.example"));
        for own in ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:8080"] {
            assert_eq!(own.parse::<PublicUrl>().unwrap().origin(), own);
        }
        for bad in [
            "http://chat.example",
            "http://192.168.0.1:80",
            "https://a/b",
            "https://u:p@a",
            "https://a/?q",
            "ftp://a",
            "a",
            "http://localhost.evil",
        ] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_rates_and_networks_are_strict() {
        assert_eq!("15m".parse(), Ok(Span(Duration::from_secs(900))));
        assert!(["", "15", "-1s", "1y", "0s", "99999999999999999999d", "é"].iter().all(|text| text.parse::<Span>().is_err()));
        assert_eq!("30/15m".parse::<Rate>().unwrap().0, Quota { burst: 30, per: Duration::from_secs(900) });
        assert!(["30", "0/1m", "a/1m", "1/x"].iter().all(|text| text.parse::<Rate>().is_err()));
        let proxies: TrustedProxies = "10.0.0.0/8, ::1".parse().unwrap();
        assert!(proxies.contain("::ffff:10.1.2.3".parse().unwrap()) && proxies.contain("::1".parse().unwrap()));
        assert!(!proxies.contain("11.0.0.1".parse().unwrap()));
        assert!("10.0.0.0/40".parse::<TrustedProxies>().is_err());
    }
}
