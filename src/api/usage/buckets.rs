//! Spans of time that a page of usage shows.

use crate::turn::call::Call;

/// The spans the query asks for, each from its first second to the second after its last, and the page that follows.
/// `whole` = the first begins with its day.
pub(super) fn asked(call: &Call, whole: bool) -> (Vec<(u64, u64)>, Option<String>) {
    let number = |name: &str| call.query(name).and_then(|number| number.parse::<u64>().ok());
    let now = call.session.clock.stamp().as_secs() + 1;
    let (width, usual, most) = match call.query("bucket_width") {
        Some("1m") => (60, 60, 1_440),
        Some("1h") => (3_600, 24, 168),
        _ => (86_400, 7, 31),
    };
    let limit = number("limit").unwrap_or(usual).clamp(1, most) as usize;
    let start = number("start_time").unwrap_or(now);
    let start = if whole { start - start % width } else { start };
    let start = call.query("page").and_then(|page| page.strip_prefix("page_")?.parse().ok()).unwrap_or(start);
    spans(start, number("end_time").unwrap_or(now).min(now), width, limit)
}

/// Spans from a start to an end, that begin and end with whole widths but for the first and the last.
fn spans(start: u64, end: u64, width: u64, limit: usize) -> (Vec<(u64, u64)>, Option<String>) {
    let mut spans = Vec::new();
    let mut from = start;
    while from < end {
        if spans.len() == limit {
            return (spans, Some(format!("page_{from}")));
        }
        let to = ((from / width).saturating_add(1)).saturating_mul(width).min(end);
        spans.push((from, to));
        from = to;
    }
    (spans, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_follow_each_other_page_by_page() {
        // As in recording 3f6bde579f108842.
        let (all, next) = spans(1_739_096_063, 1_739_182_550, 86_400, 7);
        assert_eq!((all, next), (vec![(1_739_096_063, 1_739_145_600), (1_739_145_600, 1_739_182_550)], None));
        let (first, next) = spans(30, 200, 60, 2);
        assert_eq!((first, next.as_deref()), (vec![(30, 60), (60, 120)], Some("page_120")));
        assert_eq!(spans(120, 200, 60, 2).0, [(120, 180), (180, 200)]);
        assert_eq!(spans(5, 5, 60, 2), (vec![], None));
        assert_eq!(spans(0, u64::MAX, 60, 2).0.len(), 2);
    }
}
