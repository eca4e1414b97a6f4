//! MockServer's recorded expectations, and its log of requests and responses.

use super::{Foreign, coded, headers, status};
use serde_json::Value;

/// The exchanges of a file; `None` = MockServer did not write it.
pub(super) fn read(file: &Value) -> Option<Vec<Result<Foreign, String>>> {
    let one_alone = std::slice::from_ref(file);
    let list = file.as_array().map_or(one_alone, Vec::as_slice);
    let is_expectation = |one: &Value| one.get("httpRequest").is_some() && one.get("httpResponse").is_some();
    (!list.is_empty() && list.iter().all(is_expectation)).then(|| list.iter().map(one).collect())
}

fn one(expectation: &Value) -> Result<Foreign, String> {
    let (request, response) = (&expectation["httpRequest"], &expectation["httpResponse"]);
    let path = request["path"].as_str().ok_or("its request has no path")?;
    let pairs = headers(&request["queryStringParameters"]);
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    Ok(Foreign {
        method: request["method"].as_str().unwrap_or("GET").to_string(),
        url: if query.is_empty() { path.to_string() } else { format!("{path}?{query}") },
        body: body(&request["body"])?,
        status: status(response.get("statusCode").unwrap_or(&Value::from(200))),
        headers: headers(&response["headers"]),
        answer: body(&response["body"])?,
        at: expectation["timestamp"].as_str().map(str::to_string),
    })
}

/// `"…"`, `{type: "JSON", json}`, `{type: "STRING", string}`, `{type: "BINARY", base64Bytes}`, or JSON as it is.
fn body(body: &Value) -> Result<Vec<u8>, String> {
    match (body, body["type"].as_str()) {
        (Value::Null, _) => Ok(Vec::new()),
        (Value::String(text), _) => Ok(text.as_bytes().to_vec()),
        (_, Some("JSON")) => Ok(match &body["json"] {
            Value::String(text) => text.as_bytes().to_vec(),
            json => json.to_string().into_bytes(),
        }),
        (_, Some("STRING")) => Ok(body["string"].as_str().unwrap_or_default().as_bytes().to_vec()),
        (_, Some("BINARY")) => coded(body["base64Bytes"].as_str().unwrap_or_default(), true),
        (json, _) => Ok(json.to_string().into_bytes()),
    }
}
