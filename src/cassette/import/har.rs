//! HAR, as browsers, proxies and Polly.JS write it.

use super::{Foreign, coded, headers, status};
use serde_json::Value;

/// The exchanges of a file; `None` = it is no HAR.
pub(super) fn read(file: &Value) -> Option<Vec<Result<Foreign, String>>> {
    let entries = file.get("log")?["entries"].as_array()?;
    Some(entries.iter().map(one).collect())
}

fn one(entry: &Value) -> Result<Foreign, String> {
    let (request, response) = (&entry["request"], &entry["response"]);
    let text = |key: &str| request[key].as_str().map(str::to_string).ok_or_else(|| format!("its request has no {key}"));
    let content = &response["content"];
    let said = content["text"].as_str().unwrap_or_default();
    let answer = match (content["_isBinary"] == true, serde_json::from_str::<Vec<String>>(said)) {
        // Polly's older way: chunks in hexadecimal digits, in a list, in a text.
        (true, Ok(chunks)) => super::nock::hexadecimal(&chunks.concat())?,
        _ => coded(said, content["encoding"] == "base64")?,
    };
    Ok(Foreign {
        method: text("method")?,
        url: text("url")?,
        body: request["postData"]["text"].as_str().unwrap_or_default().as_bytes().to_vec(),
        status: status(&response["status"]),
        headers: headers(&response["headers"]),
        answer,
        at: entry["startedDateTime"].as_str().map(str::to_string),
    })
}
