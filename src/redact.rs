//! What is never shown whole: keys and cookies.

/// Headers whose values are never shown.
pub fn is_secret(name: &str) -> bool {
    matches!(
        name,
        "authorization" | "api-key" | "x-api-key" | "cookie" | "proxy-authorization" | "sec-websocket-protocol"
    )
}

/// A key as OpenAI shows it: up to 11 characters whole, else the first 8, asterisks, the last 4 (real-traffic §3).
pub fn mask(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    if characters.len() <= 11 {
        return key.to_string();
    }
    let stars = characters.len().saturating_sub(12).max(1);
    let head: String = characters[..8].iter().collect();
    let tail: String = characters[characters.len() - 4..].iter().collect();
    format!("{head}{}{tail}", "*".repeat(stars))
}

/// A key as the emulator's own pages and journal show it.
pub fn redact(key: &str) -> String {
    let kept: String = key.chars().take(3).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_as_recorded() {
        assert_eq!(mask("sk-fake-key"), "sk-fake-key");
        assert_eq!(mask("test-key-for-openai"), "test-key*******enai");
    }
}
