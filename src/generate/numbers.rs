//! Numbers within their bounds, of a size their name suggests.

use crate::generate::names::FieldName;
use crate::generate::resolve::Schema;
use crate::random::Random;
use serde_json::{Number, Value, json};

/// Integers beyond this lose digits in JavaScript.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// What a schema says about a number: inclusive ends, whether each end itself is excluded, and the step.
#[derive(Clone, Copy)]
struct NumberBounds {
    low: f64,
    high: f64,
    open_low: bool,
    open_high: bool,
    step: Option<f64>,
}

impl NumberBounds {
    fn of(schema: &Schema, integer: bool) -> Self {
        let get = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
        // Draft 4 writes exclusiveness as a boolean beside the bound.
        let flag = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(true));
        let mut bounds = NumberBounds {
            low: get("minimum").unwrap_or(-SAFE).max(-SAFE),
            high: get("maximum").unwrap_or(SAFE).min(SAFE),
            open_low: flag("exclusiveMinimum"),
            open_high: flag("exclusiveMaximum"),
            step: get("multipleOf").filter(|step| *step > 0.0),
        };
        if let Some(low) = get("exclusiveMinimum").filter(|low| *low >= bounds.low) {
            (bounds.low, bounds.open_low) = (low, true);
        }
        if let Some(high) = get("exclusiveMaximum").filter(|high| *high <= bounds.high) {
            (bounds.high, bounds.open_high) = (high, true);
        }
        if integer {
            bounds.step = Some(bounds.step.map_or(1.0, whole_step));
        }
        bounds
    }

    fn accept(&self, value: f64) -> bool {
        let low = if self.open_low { value > self.low } else { value >= self.low };
        let high = if self.open_high { value < self.high } else { value <= self.high };
        low && high && self.step.is_none_or(|step| (value / step - (value / step).round()).abs() < 1e-9)
    }

    /// The bounds that also lie in a plausible range, if there is any number in both.
    fn within(&self, (low, high): (f64, f64)) -> Option<NumberBounds> {
        let narrowed = NumberBounds {
            low: self.low.max(low),
            high: self.high.min(high),
            open_low: self.open_low && self.low >= low,
            open_high: self.open_high && self.high <= high,
            step: self.step,
        };
        let room = match narrowed.steps() {
            Some((first, last)) => first <= last,
            None => narrowed.low < narrowed.high || (narrowed.low == narrowed.high && narrowed.accept(narrowed.low)),
        };
        room.then_some(narrowed)
    }

    /// The first and last multiple of the step.
    fn steps(&self) -> Option<(f64, f64)> {
        let step = self.step?;
        let mut first = (self.low / step - 1e-9).ceil();
        let mut last = (self.high / step + 1e-9).floor();
        if self.open_low && first * step <= self.low {
            first += 1.0;
        }
        if self.open_high && last * step >= self.high {
            last -= 1.0;
        }
        Some((first, last))
    }
}

/// The smallest whole multiple of a step, so that integers can also be multiples of 0.5.
fn whole_step(step: f64) -> f64 {
    (1..=1000).map(|times| step * f64::from(times)).find(|multiple| multiple.fract() == 0.0).unwrap_or(step)
}

/// A number the schema accepts: the user's if `said` has one that fits (it is taken out), else one of plausible size.
/// `wild` = anything within the bounds.
pub(crate) fn number(
    schema: &Schema,
    integer: bool,
    name: &FieldName,
    said: &mut Vec<f64>,
    wild: bool,
    random: &mut Random,
) -> Value {
    let bounds = NumberBounds::of(schema, integer);
    if !wild && let Some(at) = said.iter().position(|value| bounds.accept(*value) && (!integer || value.fract() == 0.0))
    {
        return written(said.remove(at), integer);
    }
    let counting = NumberBounds { step: Some(1.0), ..bounds };
    let counts = !integer && bounds.step.is_none() && name.counts();
    let bounds = if counts && counting.steps().is_some_and(|(first, last)| first <= last) { counting } else { bounds };
    let plausible = if wild { (-1e6, 1e6) } else { name.range() };
    let bounds =
        bounds.within(plausible).or_else(|| bounds.within((bounds.low, bounds.low + 1000.0))).unwrap_or(bounds);
    if let Some((first, last)) = bounds.steps() {
        let multiple = random.between(first as i64, last as i64) as f64;
        let step = bounds.step.unwrap_or(1.0);
        // 1999 / 100 is the 19.99 people write; 1999 * 0.01 is not.
        let parts = (1.0 / step).round();
        let exact = step < 1.0 && (1.0 / step - parts).abs() < 1e-9;
        return written(if exact { multiple / parts } else { multiple * step }, integer);
    }
    let drawn = bounds.low + (bounds.high - bounds.low) * random.fraction();
    let rounded = (drawn * 100.0).round() / 100.0;
    let middle = f64::midpoint(bounds.low, bounds.high);
    let value = [rounded, drawn, middle].into_iter().find(|value| bounds.accept(*value)).unwrap_or(bounds.low);
    written(value, false)
}

fn written(value: f64, integer: bool) -> Value {
    if integer || (value.fract() == 0.0 && value.abs() <= SAFE) {
        return json!(value as i64);
    }
    Number::from_f64(value).map_or(json!(0), Value::Number)
}
