//! Where a request comes from and what it takes us for: the one rule about origins and hosts.
//!
//! An origin is one of ours if it is of this machine's loopback, of the emulator's own address and port, or allowed by
//! `allowedHosts`. Control routes and sockets are closed to pages of any other; answers of the API carry CORS headers
//! for ours alone, or for everybody with `cors: any`. A host is one of ours if no page can have brought a foreign name
//! here: addresses, `localhost`, names without a dot, and the allowed ones. Over loopback the API is served under these
//! alone, and under names that no public server can give an address: a page of a foreign name that leads here sends no
//! `Origin`, and keys are optional on the command line.

use crate::emulator::Emulator;
use crate::options::{Cors, Settings};
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// What browsers say of a request's place: whose page asks, how, and for what.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// What a request says about its sender. Made once, before anything is answered.
pub(super) struct Visitor {
    /// `Origin`, if a browser sent it.
    origin: Option<HeaderValue>,
    /// The origin is one of ours.
    ours: bool,
    /// Why control routes are closed to it.
    refusal: Option<String>,
    /// Every origin may read the API.
    any: bool,
    /// Why the API is closed to it.
    stranger: Option<String>,
    /// Why the control room's page is closed to it.
    page: Option<String>,
}

impl Visitor {
    /// Another replica, which has looked at whom it passes on.
    pub(super) fn replica() -> Self {
        Visitor { origin: None, ours: false, refusal: None, any: false, stranger: None, page: None }
    }

    /// `local`: the address the connection came in at.
    pub(super) fn of(settings: &Settings, local: SocketAddr, request: &Parts) -> Self {
        let headers = &request.headers;
        let foreign: Vec<_> = hosts(request).filter(|host| !is_our_host(settings, host)).collect();
        let mut origins = headers.get_all(ORIGIN).iter();
        let (origin, more) = (origins.next(), origins.next());
        let ours =
            more.is_none() && origin.and_then(|one| one.to_str().ok()).is_some_and(|one| is_ours(settings, local, one));
        let refusal = match origin {
            Some(origin) if !ours => Some(format!(
                "This is not open to pages of {:?}: open are loopback origins, the emulator's own, and those of the option allowedHosts.",
                String::from_utf8_lossy(origin.as_bytes())
            )),
            // What a page embeds (a picture, a frame) names no origin; browsers say so in another way.
            None if headers.get(SITE).is_some_and(|site| site == "cross-site" || site == "same-site") => {
                Some("Control routes are not open to what pages of another site embed.".into())
            }
            _ => foreign_host(&foreign, request),
        };
        let any = settings.cors == Cors::Any;
        let led = local.ip().to_canonical().is_loopback() && !any;
        let stranger = foreign.iter().find(|host| led && !is_private(host)).map(|host| {
            format!(
                "The API is not served to this machine under the host {host:?}, a name that a web page could have brought here: \
                 use an IP address or localhost, or add the name to the option allowedHosts (--allowed-hosts)."
            )
        });
        // A link may lead to the page from anywhere: following it opens a tab that the linking page cannot look into.
        let is = |name: &HeaderName, word: &str| headers.get(name).is_some_and(|value| value == word);
        let followed = origin.is_none() && is(&MODE, "navigate") && is(&DESTINATION, "document");
        let page = if followed { foreign_host(&foreign, request) } else { refusal.clone() };
        Visitor { origin: origin.cloned(), ours, refusal, any, stranger, page }
    }

    /// Whether it may use control routes; else the reason.
    pub(super) fn check_control(&self) -> Result<(), String> {
        self.refusal.clone().map_or(Ok(()), Err)
    }

    /// Whether it may use the API; else the reason.
    pub(super) fn check_api(&self) -> Result<(), String> {
        self.stranger.clone().map_or(Ok(()), Err)
    }

    /// Whether it may have the control room's page, which holds no data; else the reason.
    pub(super) fn check_page(&self) -> Result<(), String> {
        self.page.clone().map_or(Ok(()), Err)
    }

    /// Whether it may open a socket, which browsers let every page do; else the reason.
    pub(super) fn check_socket(&self) -> Result<(), String> {
        match &self.refusal {
            Some(refusal) if self.origin.is_some() && !self.ours && !self.any => Err(refusal.clone()),
            _ => Ok(()),
        }
    }

    /// Whether its page may read an answer of the API, or with `control` of a control route.
    fn may_read(&self, control: bool) -> bool {
        match control {
            true => self.ours && self.refusal.is_none(),
            false => self.ours || self.any,
        }
    }

    /// Lets the visitor's page read an answer, or makes sure that it cannot.
    pub(super) fn open(&self, control: bool, answer: &mut HeaderMap) {
        let Some(origin) = &self.origin else { return };
        if !self.may_read(control) {
            answer.remove("access-control-allow-origin");
            return;
        }
        let named = if self.any && !control { HeaderValue::from_static("*") } else { origin.clone() };
        answer.insert("access-control-allow-origin", named);
        answer.append("vary", HeaderValue::from_static("Origin"));
    }

    /// The headers that answer a preflight: what a browser asks before it calls from a page. Empty for foreign pages.
    pub(super) fn preflight(&self, control: bool, asked: &HeaderMap) -> HeaderMap {
        let mut answer = HeaderMap::new();
        if !self.may_read(control) {
            return answer;
        }
        let mut set = |name: &'static str, value| answer.insert(HeaderName::from_static(name), value);
        set("access-control-allow-methods", HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS"));
        let wanted = asked.get("access-control-request-headers").cloned();
        set("access-control-allow-headers", wanted.unwrap_or_else(|| HeaderValue::from_static("*")));
        set("access-control-max-age", HeaderValue::from_static("600"));
        answer
    }
}

/// Refuses an emulator-wide control request without the token when bound beyond loopback.
pub(super) fn check_token(emulator: &Emulator, given: Option<&str>) -> Result<(), String> {
    if emulator.is_loopback() {
        return Ok(());
    }
    match &emulator.settings.control_token {
        Some(token) if given == Some(token) => Ok(()),
        Some(_) => Err("Emulator-wide control routes need the header x-llemulator-control-token.".into()),
        None => Err("Emulator-wide control routes are closed when bound beyond loopback: set controlToken.".into()),
    }
}

/// Why a host that a request names is none of ours; `foreign` are those that are not.
fn foreign_host(foreign: &[Cow<str>], request: &Parts) -> Option<String> {
    if request.headers.get_all(HOST).iter().nth(1).is_some() {
        return Some("Control routes are not served under two hosts: send one Host header.".into());
    }
    let foreign = foreign.first()?;
    Some(format!(
        "Control routes are not served under the host {foreign:?}: use an IP address or localhost, or add the name to allowedHosts."
    ))
}

/// The hosts that a request names: a target in absolute form does too.
fn hosts(request: &Parts) -> impl Iterator<Item = Cow<'_, str>> {
    let named = request.headers.get_all(HOST).iter().map(|host| String::from_utf8_lossy(host.as_bytes()));
    named.chain(request.uri.authority().map(|authority| authority.as_str().into()))
}

/// Whether the host is below a domain that is nobody's (`host.docker.internal`, `llm.default.svc.cluster.local`): whoever
/// makes it lead here is of this machine or its network.
fn is_private(host: &str) -> bool {
    const RESERVED: [&str; 4] = ["internal", "local", "test", "home.arpa"];
    let name = split(host).map(|(name, _)| name.trim_end_matches('.').to_ascii_lowercase()).unwrap_or_default();
    RESERVED.iter().any(|domain| name.strip_suffix(domain).is_some_and(|below| below.ends_with('.')))
}

/// Whether a page of this origin may use the emulator.
fn is_ours(settings: &Settings, local: SocketAddr, origin: &str) -> bool {
    if settings.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let Some((scheme @ ("http" | "https"), rest)) = origin.split_once("://") else { return false };
    let Some((name, port)) = split(rest) else { return false };
    let port = port.unwrap_or(if scheme == "http" { 80 } else { 443 });
    let address = name.parse::<IpAddr>();
    is_loopback(name)
        || is_allowed(settings, name, rest)
        || port == local.port()
            && (address.is_ok_and(|ip| ip == local.ip().to_canonical()) || name.eq_ignore_ascii_case(&settings.host))
}

/// Whether a request for this host can have been meant for the emulator. A page can make a foreign name lead here, but
/// no address, and no name without a dot.
fn is_our_host(settings: &Settings, host: &str) -> bool {
    let Some((name, _)) = split(host) else { return host.is_empty() };
    !name.contains('.') && !name.contains(':')
        || name.parse::<IpAddr>().is_ok()
        || is_loopback(name)
        || is_allowed(settings, name, host)
        || name.eq_ignore_ascii_case(&settings.host)
}

fn is_allowed(settings: &Settings, name: &str, authority: &str) -> bool {
    let same = |allowed: &String| allowed.eq_ignore_ascii_case(name) || allowed.eq_ignore_ascii_case(authority);
    settings.allowed_hosts.iter().any(same)
}

/// Names that browsers resolve to the loopback without asking anybody, and its addresses.
fn is_loopback(name: &str) -> bool {
    const NAME: &str = "localhost";
    let below = name.len().checked_sub(NAME.len()).and_then(|at| name.split_at_checked(at));
    below.is_some_and(|(below, last)| (below.is_empty() || below.ends_with('.')) && last.eq_ignore_ascii_case(NAME))
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Name and port of an authority; `None` if it is none, or names a user.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let host = match authority.bytes().position(|byte| !plain(byte)) {
        None => authority.len(),
        // Nearly every host is a name or an address with a port, and needs no parser.
        Some(at) if at > 0 && authority[at..].starts_with(':') => at,
        Some(_) => authority.parse::<Authority>().ok()?.host().len(),
    };
    let (host, after) = authority.split_at_checked(host).filter(|(host, _)| !host.is_empty())?;
    let port = match after.strip_prefix(':') {
        Some(port) => Some(port.parse().ok()?),
        None if after.is_empty() => None,
        None => return None,
    };
    Some((host.trim_start_matches('[').trim_end_matches(']'), port))
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
