//! Which host is the upstream, and how paths and keys are written for it.

use crate::options::Settings;
use crate::script::FallbackName;
use crate::upstream::UpstreamFailure;
use hyper::Uri;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Where operations are below the base; what else is configured takes every request.
const CHAT: &str = "/chat/completions";

/// The configured upstream.
#[derive(Clone)]
pub(crate) struct UpstreamTarget {
    pub(crate) https: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Of chat completions: `/v1/chat/completions`.
    pub(crate) path: String,
    /// Replaces the caller's; never shown.
    pub(crate) key: Option<String>,
    /// For the head of an answer, and between its chunks.
    pub(crate) timeout: Duration,
    /// Somebody configured it: else it is only what a page may begin with.
    pub(crate) configured: bool,
}

/// What changes of it.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) https: Option<bool>,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) path: Option<String>,
    /// Some(None) = none any more.
    pub(crate) key: Option<Option<String>>,
    pub(crate) timeout: Option<Duration>,
}

impl UpstreamTarget {
    /// The one the settings name; OpenAI's when they name none.
    pub(super) fn of(settings: &Settings) -> Result<Self, String> {
        let given = settings.upstream.as_deref();
        if given.is_none() && settings.fallback == FallbackName::Upstream {
            return Err("options: the fallback upstream needs the option upstream: which API is it?".into());
        }
        let target = Self::at("upstream", given.unwrap_or("https://api.openai.com/v1"), settings)?;
        let key = settings.upstream_key.clone().filter(|key| !key.is_empty());
        Ok(UpstreamTarget { key, configured: given.is_some(), ..target })
    }

    /// Those that answer one model each: `smollm=http://127.0.0.1:8081/v1`. The upstream's key is not for them.
    pub(super) fn by_model(settings: &Settings) -> Result<HashMap<String, Arc<Self>>, String> {
        let mut models = HashMap::new();
        for given in &settings.upstream_models {
            let (name, address) = given.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                format!(
                    "options: upstreamModel is {given:?}; expected the model's name and its server's address, such as \
                     smollm=http://127.0.0.1:8081/v1"
                )
            })?;
            let target = Self::at("upstreamModel", address, settings)?;
            if models.insert(name.to_string(), Arc::new(target)).is_some() {
                return Err(format!("options: upstreamModel names {name:?} twice: which server answers it?"));
            }
        }
        Ok(models)
    }

    /// An address that an option names.
    fn at(option: &str, address: &str, settings: &Settings) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!("options: {option} is {address:?}: {why}; expected an address such as https://api.openai.com/v1")
        };
        let uri: Uri = address.parse().map_err(|_| wrong("this is no address"))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("it begins with neither http:// nor https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it names a user (keys go into upstreamKey)"));
        }
        let behind_host = authority.as_str().rsplit(']').next().unwrap_or_default();
        if behind_host.contains(':') && uri.port_u16().is_none() {
            return Err(wrong("its port is none from 1 to 65535"));
        }
        if uri.query().is_some() {
            return Err(wrong("it has a query"));
        }
        let base = uri.path().trim_end_matches('/');
        Ok(UpstreamTarget {
            https,
            host: uri.host().unwrap_or_default().trim_matches(['[', ']']).to_string(),
            port: uri.port_u16().unwrap_or(if https { 443 } else { 80 }),
            path: format!("{}{CHAT}", base.strip_suffix(CHAT).unwrap_or(base)),
            key: None,
            timeout: Duration::from_millis(settings.upstream_timeout_ms),
            configured: true,
        })
    }

    pub(super) fn changed(&self, change: Change) -> Self {
        UpstreamTarget {
            https: change.https.unwrap_or(self.https),
            host: change.host.unwrap_or_else(|| self.host.clone()),
            port: change.port.unwrap_or(self.port),
            path: change.path.unwrap_or_else(|| self.path.clone()),
            key: change.key.unwrap_or_else(|| self.key.clone()),
            timeout: change.timeout.unwrap_or(self.timeout),
            configured: true,
        }
    }

    /// `https://api.openai.com`, with the port where it is not the usual one.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.https, self.port) {
            (true, 443) | (false, 80) => format!("{scheme}://{host}"),
            (_, port) => format!("{scheme}://{host}:{port}"),
        }
    }

    /// Whether it is this very address: whoever asks there asks themselves, and so on.
    pub(crate) fn is(&self, own: SocketAddr) -> bool {
        let host = self.host.parse::<IpAddr>().map(|ip| ip.to_canonical());
        let here = host.map_or(self.host.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback() || ip == own.ip());
        here && self.port == own.port()
    }

    /// The address of an operation's normalised path (`/v1/models`): below the base that chat completions show, or the
    /// one path that is configured.
    pub(crate) fn address(&self, path: &str) -> String {
        match self.path.strip_suffix(CHAT) {
            Some(base) => format!("{}{base}{}", self.origin(), path.strip_prefix("/v1").unwrap_or(path)),
            None => format!("{}{}", self.origin(), self.path),
        }
    }

    pub(super) fn uri(&self, path: &str, query: Option<&str>) -> Result<Uri, UpstreamFailure> {
        let mut address = self.address(path);
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str(query);
        }
        address.parse().map_err(|_| UpstreamFailure::unreached(self, "the request's path makes no address there"))
    }
}

impl std::fmt::Debug for UpstreamTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.origin())
    }
}
