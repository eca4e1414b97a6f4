//! nock's recorder with `output_objects`, and the fixtures of its `back`.

use super::{Foreign, headers, status};
use serde_json::Value;

/// The exchanges of a file; `None` = nock did not write it.
pub(super) fn read(file: &Value) -> Option<Vec<Result<Foreign, String>>> {
    let list = file.as_array()?;
    let is_nock = |one: &Value| one.get("scope").is_some() && one.get("path").is_some();
    (!list.is_empty() && list.iter().all(is_nock)).then(|| list.iter().map(one).collect())
}

fn one(definition: &Value) -> Result<Foreign, String> {
    let scope = definition["scope"].as_str().unwrap_or_default().trim_end_matches('/');
    let text = |key: &str| definition[key].as_str().ok_or_else(|| format!("it has no {key}"));
    let response = &definition["response"];
    let answer = match response {
        Value::String(text) if definition["responseIsBinary"] == true => hexadecimal(text)?,
        Value::String(text) => text.as_bytes().to_vec(),
        // What came zipped is kept as it came, in hexadecimal digits.
        Value::Array(chunks) if !chunks.is_empty() && chunks.iter().all(Value::is_string) => {
            hexadecimal(&chunks.iter().filter_map(Value::as_str).collect::<String>())?
        }
        Value::Null => Vec::new(),
        json => json.to_string().into_bytes(),
    };
    let given = definition.get("rawHeaders").or_else(|| definition.get("headers")).unwrap_or(&Value::Null);
    Ok(Foreign {
        method: definition["method"].as_str().unwrap_or("GET").to_string(),
        url: format!("{scope}{}", text("path")?),
        body: match &definition["body"] {
            Value::Null => Vec::new(),
            Value::String(text) => text.as_bytes().to_vec(),
            json => json.to_string().into_bytes(),
        },
        status: status(definition.get("status").unwrap_or(&Value::from(200))),
        headers: headers(given),
        answer,
        at: None,
    })
}

/// Bytes of hexadecimal digits.
pub(super) fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or("its answer is no hexadecimal digits")?;
    Ok(digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}
