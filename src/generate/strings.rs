//! Strings: by pattern, by format, by name, in this order of authority.

use crate::budget::{Budget, Spent};
use crate::generate::names;
use crate::generate::names::FieldName;
use crate::generate::pattern;
use crate::generate::resolve::Schema;
use crate::generate::resolve::number;
use crate::generate::said::UserText;
use crate::generate::words::NOUNS;
use crate::random::Random;
use crate::reply::validator::CompiledSchema;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::{Value, json};

/// A string that the schema accepts. `wild` = nothing of the user's, anything of the name's.
///
/// # Errors
/// The budget does not suffice.
pub(crate) fn string(
    schema: &Schema,
    name: &FieldName,
    said: &mut UserText,
    wild: bool,
    random: &mut Random,
    budget: &Budget,
) -> Result<String, Spent> {
    let least = number(schema, "minLength").unwrap_or(0);
    // Nobody begins what will not be paid for.
    budget.bytes(least)?;
    let most = number(schema, "maxLength").unwrap_or(usize::MAX).max(least);
    let format = schema.get("format").and_then(Value::as_str);
    let made = if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        by_pattern(schema, pattern, (least, most), name, said, random, budget)?
    } else if let Some(mut drawn) = format.and_then(|format| by_format(format, said, wild, random)) {
        for _ in 0..40 {
            if (least..=most).contains(&drawn.chars().count()) {
                break;
            }
            drawn = format.and_then(|format| by_format(format, said, true, random)).unwrap_or(drawn);
        }
        drawn
    } else {
        let text = if wild {
            format!("{} {}", names::two_words(random), random.alphanumeric(4))
        } else if name.takes_text() && !said.text.is_empty() {
            said.text.clone()
        } else {
            name.string(said, random)
        };
        fitted(text, least, most, random)
    };
    budget.bytes(made.len())?;
    Ok(made)
}

/// What the format or the name suggests if it matches, else a string made from the pattern; the whole node decides what matches.
fn by_pattern(
    schema: &Schema,
    pattern: &str,
    (least, most): (usize, usize),
    name: &FieldName,
    said: &mut UserText,
    random: &mut Random,
    budget: &Budget,
) -> Result<String, Spent> {
    let node: Schema = ["pattern", "minLength", "maxLength", "format"]
        .iter()
        .filter_map(|keyword| Some((keyword.to_string(), schema.get(*keyword)?.clone())))
        .collect();
    let node = Value::Object(node);
    let node = CompiledSchema::of(&node, budget)?;
    if !node.is_usable() {
        return Ok(fitted(name.string(said, random), least, most, random));
    }
    let accepted = |text: &str| node.accepts(&Value::from(text), budget);
    let format = schema.get("format").and_then(Value::as_str);
    let of_format = format.and_then(|format| by_format(format, said, false, random)).unwrap_or_default();
    let likely = [said.text.clone(), of_format, name.string(said, random)];
    for text in likely.into_iter().filter(|text| !text.is_empty() && !is_narrow(pattern)) {
        if accepted(&text)? {
            return Ok(text);
        }
    }
    let mut first = None;
    for candidate in pattern::candidates(pattern, least, most, random, budget) {
        let candidate = candidate?;
        budget.spend(candidate.len() as u64 / 8)?;
        if accepted(&candidate)? {
            return Ok(candidate);
        }
        first.get_or_insert(candidate);
    }
    Ok(first.unwrap_or_else(|| names::two_words(random)))
}

/// Patterns that allow little leave nothing to choose.
fn is_narrow(pattern: &str) -> bool {
    pattern.starts_with('^') && pattern.ends_with('$') && !pattern.contains(['*', '+', '{'])
}

/// A value of a format; `None` for formats that say nothing about the text.
fn by_format(format: &str, said: &UserText, wild: bool, random: &mut Random) -> Option<String> {
    let of_user = |found: &[String]| found.first().filter(|_| !wild).cloned();
    Some(match format {
        "email" | "idn-email" => of_user(&said.emails).unwrap_or_else(|| names::email(random)),
        "date-time" | "datetime" => format!("{}T{}Z", names::date(random), names::time(random)),
        "date" => of_user(&said.dates).unwrap_or_else(|| names::date(random)),
        "time" => format!("{}Z", names::time(random)),
        "duration" => format!("P{}DT{}H", random.between(1, 20), random.between(1, 23)),
        "uuid" => names::uuid(random),
        "uri" | "url" | "iri" => of_user(&said.urls).unwrap_or_else(|| names::url(random)),
        "uri-reference" | "iri-reference" => format!("/{}", names::two_words(random).replace(' ', "/")),
        "uri-template" => format!("/{}/{{id}}", random.pick(NOUNS)),
        "hostname" | "idn-hostname" => format!("{}.example.com", random.pick(NOUNS)),
        "ipv4" | "ip" => names::ipv4(random),
        "ipv6" => format!("2001:db8::{}:{}", random.between(1, 9999), random.between(1, 9999)),
        "json-pointer" => format!("/{}", names::two_words(random).replace(' ', "/")),
        "relative-json-pointer" => format!("{}/{}", random.below(4), random.pick(NOUNS)),
        "byte" | "base64" | "base64url" => random.alphanumeric(24),
        "jwt" => jwt(random),
        "emoji" => random.pick(&["😀", "🎉", "🌍", "🚀"]).to_string(),
        "regex" => format!("^{}+$", random.pick(NOUNS)),
        _ => return None,
    })
}

/// A JSON Web Token whose signature nobody can check.
fn jwt(random: &mut Random) -> String {
    let encoded = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let header = encoded(json!({"alg": "HS256", "typ": "JWT"}));
    format!("{header}.{}.{}", encoded(json!({"sub": random.pick(NOUNS)})), random.alphanumeric(43))
}

/// The text cut or continued until its number of characters fits.
fn fitted(mut text: String, least: usize, most: usize, random: &mut Random) -> String {
    let mut count = text.chars().count();
    while count < least {
        let word = random.pick(NOUNS);
        text.push(' ');
        text.push_str(word);
        count += 1 + word.len();
    }
    if count > most {
        // Words stay whole where the minimum allows it.
        let cut: String = text.chars().take(most).collect();
        let whole = cut.rfind(' ').map(|at| cut[..at].to_string());
        return whole.filter(|whole| whole.chars().count() >= least.max(1)).unwrap_or(cut);
    }
    text
}
