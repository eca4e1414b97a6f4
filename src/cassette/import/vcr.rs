//! VCR: vcrpy and pytest-recording (`interactions`), and Ruby's (`http_interactions`).

use super::{Foreign, coded, headers, status};
use serde_json::Value;

/// The exchanges of a file; `None` = it is no cassette of VCR.
pub(super) fn read(file: &Value) -> Option<Vec<Result<Foreign, String>>> {
    let list = file.get("interactions").or_else(|| file.get("http_interactions"))?.as_array()?;
    Some(list.iter().map(one).collect())
}

fn one(interaction: &Value) -> Result<Foreign, String> {
    let (request, response) = (&interaction["request"], &interaction["response"]);
    let text = |key: &str| request[key].as_str().map(str::to_string).ok_or_else(|| format!("its request has no {key}"));
    let code = response["status"].get("code").or_else(|| response.get("status_code")).unwrap_or(&response["status"]);
    Ok(Foreign {
        method: text("method")?,
        url: text("uri")?,
        body: match request.get("parsed_body") {
            Some(parsed) => parsed.to_string().into_bytes(),
            None => body(&request["body"])?,
        },
        status: status(code),
        headers: headers(&response["headers"]),
        answer: match (response.get("parsed_body"), response.get("content")) {
            (Some(parsed), _) => parsed.to_string().into_bytes(),
            // httpx, in older versions.
            (None, Some(content)) => body(content)?,
            (None, None) => body(&response["body"])?,
        },
        at: interaction["recorded_at"].as_str().map(str::to_string),
    })
}

/// `"…"`, `{string: "…"}`, `{base64_string: "…"}`, or a list of bytes that YAML's `!!binary` became.
fn body(body: &Value) -> Result<Vec<u8>, String> {
    match body {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(text.as_bytes().to_vec()),
        Value::Array(bytes) => {
            let byte = |byte: &Value| byte.as_u64().and_then(|byte| u8::try_from(byte).ok());
            bytes.iter().map(byte).collect::<Option<_>>().ok_or_else(|| "its body is no list of bytes".into())
        }
        Value::Object(map) => match (map.get("string"), map.get("base64_string")) {
            (Some(text), _) => self::body(text),
            (None, Some(Value::String(text))) => coded(text, true),
            _ => Err("its body is neither a string nor base64_string".into()),
        },
        other => Ok(other.to_string().into_bytes()),
    }
}
