//! Schemas: compiled, values checked against them and made for them, within a budget.

use super::twice;
use crate::api::validate::rules::strict;
use crate::budget::{Budget, Spent};
use crate::generate::schema::{Hints, value};
use crate::random::Random;
use crate::reply::validator::CompiledSchema;
use crate::reply::{GenerateStyle, validator};
use serde_json::Value;

/// A fiftieth of what an answer has, so that the fuzzer tries many schemas instead of long ones.
const STEPS: u64 = 200_000;

/// What the texts of a generated value may take together; the budget's bytes, and what quoting adds.
const MOST: usize = 32 << 20;

/// `[schema, value]`, or a schema alone: everything ends within the budget, says the same twice, and who accepts a value
/// finds no breach in it.
pub fn schemas(bytes: &[u8]) {
    let Ok(input) = serde_json::from_slice::<Value>(bytes) else { return };
    let (schema, given) = match &input {
        Value::Array(both) if both.len() == 2 => (&both[0], &both[1]),
        schema => (schema, &Value::Null),
    };
    for strictly in [true, false] {
        let fault = twice(|| strict::fault(schema, strictly, &Budget::of(STEPS)));
        assert!(fault.is_err() || fault.is_ok_and(|fault| fault.is_none_or(|fault| !fault.is_empty())));
    }
    for style in [GenerateStyle::Plausible, GenerateStyle::Plain] {
        let made = twice(|| made(schema, style));
        if let Ok((made, left)) = made {
            assert!(made.to_string().len() < MOST && left <= STEPS, "too long a value");
            let _ = twice(|| judged(schema, &made));
        }
    }
    let _ = twice(|| judged(schema, given));
}

/// A value for the schema, and the steps left.
fn made(schema: &Value, style: GenerateStyle) -> Result<(Value, u64), Spent> {
    let budget = Budget::of(STEPS);
    let hints = Hints { user_text: "Call Ada at 7 about order 12", results: "It is 4 °C.", style };
    let made = value(schema, &mut Random::new(1), &hints, &budget)?;
    Ok((made, budget.left()))
}

/// Whether the schema accepts the value, and the steps left.
fn judged(schema: &Value, value: &Value) -> Result<(bool, u64), Spent> {
    let budget = Budget::of(STEPS);
    let accepted = validator::accepts(schema, value, &budget)?;
    let breaches = CompiledSchema::of(schema, &budget)?.breaches(value, 3, &budget)?;
    assert_eq!(accepted, breaches.is_empty(), "{schema} and {value}: {breaches:?}");
    assert!(breaches.len() <= 4 && breaches.iter().all(|(_, words)| !words.is_empty()));
    Ok((accepted, budget.left()))
}
