//! Who may reach the control routes: not a web page of another origin, not a foreign name that resolves to us.

use crate::emulator::Emulator;
use std::net::IpAddr;

/// Refuses a control request from elsewhere, with the reason.
pub fn check(emulator: &Emulator, host: Option<&str>, origin: Option<&str>) -> Result<(), String> {
    let host = host.unwrap_or_default();
    let name = name_of(host);
    if !is_own_name(emulator, name) {
        return Err(format!(
            "Control routes are not served under the host {name:?}: use an IP address or localhost, or add the name to allowedHosts."
        ));
    }
    let Some(origin) = origin else { return Ok(()) };
    let authority = origin.split("://").nth(1).unwrap_or_default();
    // A page of any port of this machine may be a test's own page; `null` and foreign pages are not.
    if is_own_name(emulator, name_of(authority)) && !authority.is_empty() {
        return Ok(());
    }
    Err(format!("Control routes are not open to pages of {origin:?}."))
}

/// Refuses an emulator-wide control request without the token when bound beyond loopback.
pub fn check_token(emulator: &Emulator, given: Option<&str>) -> Result<(), String> {
    if emulator.is_loopback() {
        return Ok(());
    }
    match &emulator.settings.control_token {
        Some(token) if given == Some(token) => Ok(()),
        Some(_) => Err("Emulator-wide control routes need the header x-llemulator-control-token.".into()),
        None => Err("Emulator-wide control routes are closed when bound beyond loopback: set controlToken.".into()),
    }
}

/// The host without its port.
fn name_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.rsplit_once(':').map_or(authority, |(name, _)| name)
}

fn is_own_name(emulator: &Emulator, name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || name.eq_ignore_ascii_case("localhost")
        || emulator.settings.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_brackets_are_not_part_of_the_name() {
        assert_eq!(name_of("127.0.0.1:8080"), "127.0.0.1");
        assert_eq!(name_of("[::1]:8080"), "::1");
        assert_eq!(name_of("emulator"), "emulator");
    }
}
