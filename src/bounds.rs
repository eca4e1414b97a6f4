//! The ranges of numbers that come from outside: in scripts, options, bodies and control routes. What lies beyond is
//! refused with its place and what is allowed, so that no arithmetic behind these doors can overflow.

/// A range, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub from: f64,
    pub to: f64,
}

/// Waits a script, a body or an option can ask, in milliseconds: up to a day.
pub(crate) const WAIT_MS: Bounds = Bounds { from: 0.0, to: 86_400_000.0 };
/// Times after which something is given up, in milliseconds: up to the longest timer JavaScript has.
pub(crate) const PATIENCE_MS: Bounds = Bounds { from: 0.0, to: 2_147_483_647.0 };
/// How long the store keeps a session after its last change, in milliseconds: below, it would be gone before the next.
pub(crate) const TTL_MS: Bounds = Bounds { from: 1_000.0, to: PATIENCE_MS.to };
/// How long a replica owns sessions without renewing its lease, in milliseconds: below, the server's own pauses end it.
pub(crate) const LEASE_MS: Bounds = Bounds { from: 500.0, to: 600_000.0 };
/// Tokens per second.
pub(crate) const RATE: Bounds = Bounds { from: 0.001, to: 1e9 };
/// How many of something: up to JavaScript's largest safe integer, so that sums of counts stay whole.
pub(crate) const COUNT: Bounds = Bounds { from: 0.0, to: 9_007_199_254_740_991.0 };
/// How many objects, sessions, exchanges are kept.
pub(crate) const KEPT: Bounds = Bounds { from: 0.0, to: 1e9 };
/// Sizes in bytes: up to a terabyte.
pub(crate) const BYTES: Bounds = Bounds { from: 1.0, to: 1_099_511_627_776.0 };

impl Bounds {
    /// The upper end of a range of whole numbers.
    pub(crate) const fn most(self) -> u64 {
        self.to as u64
    }

    /// Whether a number lies within; no range holds NaN.
    pub(crate) fn hold(self, number: f64) -> bool {
        self.from <= number && number <= self.to
    }

    /// The number, if it lies within.
    ///
    /// # Errors
    /// A sentence that names the place, what is allowed, and what came.
    pub(crate) fn check(self, place: &str, number: f64) -> Result<f64, String> {
        match self.hold(number) {
            true => Ok(number),
            false => Err(format!(
                "Invalid '{place}': expected a number from {} to {}, but got {} instead.",
                shown(self.from),
                shown(self.to),
                shown(number)
            )),
        }
    }
}

/// A number as people write it, also a very large one.
fn shown(number: f64) -> String {
    let plain = number.to_string();
    if plain.len() > 20 { format!("{number:e}") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_is_named_with_what_is_allowed() {
        assert_eq!(WAIT_MS.check("delay_min_ms", 5.0), Ok(5.0));
        assert_eq!(
            WAIT_MS.check("delay_min_ms", 1e300).unwrap_err(),
            "Invalid 'delay_min_ms': expected a number from 0 to 86400000, but got 1e300 instead."
        );
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e-300, 1e-300] {
            assert!(RATE.check("tokens_per_second", odd).is_err(), "{odd}");
        }
    }
}
