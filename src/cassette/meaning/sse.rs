//! Server-sent events as they were recorded.

use serde_json::Value;

/// What a stream says piece by piece, put together again: each text by itself.
pub(crate) fn spoken(events: &[Value]) -> Vec<String> {
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut add = |place: String, piece: &str| match texts.iter_mut().find(|(known, _)| *known == place) {
        Some((_, text)) => text.push_str(piece),
        None => texts.push((place, piece.to_string())),
    };
    for event in events {
        if let Some(piece) = event["delta"].as_str() {
            add(format!("{} {} {}", event["type"], event["output_index"], event["content_index"]), piece);
        }
    }
    texts.into_iter().map(|(_, text)| text).collect()
}

/// The data of each event that is JSON, in order.
pub(crate) fn events(body: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut data = String::new();
    for line in body.lines().chain([""]) {
        if let Some(rest) = line.strip_prefix("data:") {
            data.push_str(rest.strip_prefix(' ').unwrap_or(rest));
            data.push('\n');
        } else if line.is_empty() {
            found.extend(serde_json::from_str::<Value>(data.trim_end()));
            data.clear();
        }
    }
    found
}
