//! Strings that match a regular expression.

use crate::budget::{Budget, Spent};
use crate::random::Random;
use crate::sorting;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// A generated string is cut off here; patterns that demand more are not served.
const LONGEST: usize = 10_000;

/// Strings that probably match the pattern (ECMA 262, as JSON Schema has it) and have `least` to `most` characters, in
/// the order to be tried; the caller checks. What look-aheads demand comes one after the other, other look-around is
/// ignored, as `regex-syntax` has none. Empty for patterns that cannot be read.
pub(crate) fn candidates<'r>(
    pattern: &str,
    least: usize,
    most: usize,
    random: &'r mut Random,
    budget: &'r Budget,
) -> impl Iterator<Item = Result<String, Spent>> + 'r {
    let mut parts: Vec<Hir> = match regex_syntax::parse(pattern) {
        Ok(hir) => vec![hir],
        Err(_) => without_look_around(pattern).iter().filter_map(|part| regex_syntax::parse(part).ok()).collect(),
    };
    // What is longer than any string that is made is not begun.
    if parts
        .iter()
        .any(|hir| hir.properties().minimum_len().is_some_and(|least| least > LONGEST.min(most.saturating_mul(4))))
    {
        parts.clear();
    }
    let ends = |hir: &Hir| hir.properties().look_set_suffix().contains(Look::End);
    sorting::by_key(&mut parts, |hir| (ends(hir), !hir.properties().look_set_prefix().contains(Look::Start)));
    let open_end = !parts.iter().any(ends);
    // A few natural draws first; then every repetition by the same count, which meets any length a single one can have.
    let natural = [Extra::UpTo(4), Extra::UpTo(4), Extra::UpTo(1), Extra::UpTo(12)];
    let exact = (0..=most.min(400)).map(Extra::Exactly);
    let wide = (0..100).map(move |_| Extra::UpTo(least.max(6)));
    // The rest alone may do; with what is demanded before it, it is longer.
    let last = parts.len().saturating_sub(1);
    let starts = move |extra| [last, 0].into_iter().take(last + 1).map(move |start| (extra, start));
    natural.into_iter().chain(exact).chain(wide).flat_map(starts).filter_map(move |(extra, start)| {
        let mut out = String::new();
        let parts = parts.get(start..).filter(|parts| !parts.is_empty())?;
        if let Err(spent) = parts.iter().try_for_each(|part| write(part, extra, random, budget, &mut out)) {
            return Some(Err(spent));
        }
        if open_end {
            let missing = least.min(LONGEST).saturating_sub(out.chars().count());
            out.extend((0..missing).map(|_| random.between(i64::from(b'a'), i64::from(b'z')) as u8 as char));
        }
        (least..=most).contains(&out.chars().count()).then_some(Ok(out))
    })
}

/// The pattern that says what two say: both are searched for.
pub(crate) fn both(one: &str, other: &str) -> String {
    format!(r"^(?=[\s\S]*?(?:{one}))(?=[\s\S]*?(?:{other}))")
}

/// How often something repeats beyond its minimum.
#[derive(Clone, Copy)]
enum Extra {
    UpTo(usize),
    Exactly(usize),
}

fn write(hir: &Hir, extra: Extra, random: &mut Random, budget: &Budget, out: &mut String) -> Result<(), Spent> {
    if out.len() > LONGEST {
        return Ok(());
    }
    budget.spend(2)?;
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => {
            let ranges = match class {
                Class::Unicode(class) => class.ranges().len(),
                Class::Bytes(class) => class.ranges().len(),
            };
            budget.spend(ranges as u64)?;
            out.extend(letter(class, random));
        }
        HirKind::Repetition(repetition) => {
            let more = match extra {
                Extra::UpTo(most) => random.below(most + 1),
                Extra::Exactly(count) => count,
            };
            let most = repetition.max.map_or(usize::MAX, |most| most as usize);
            let times = (repetition.min as usize + more).min(most);
            for _ in 0..times {
                if out.len() > LONGEST {
                    break;
                }
                write(&repetition.sub, extra, random, budget, out)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, extra, random, budget, out)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, extra, random, budget, out))?,
        HirKind::Alternation(branches) => write(random.pick(branches), extra, random, budget, out)?,
    }
    Ok(())
}

/// One character of a class: rather a letter or digit, else printable ASCII, else any. `\d` means ASCII digits in JSON
/// Schema, so ASCII comes first for truth too.
fn letter(class: &Class, random: &mut Random) -> Option<char> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class.iter().map(|range| (range.start() as u32, range.end() as u32)).collect(),
        Class::Bytes(class) => class.iter().map(|range| (u32::from(range.start()), u32::from(range.end()))).collect(),
    };
    let preferred: [&[(char, char)]; 3] = [&[('a', 'z'), ('A', 'Z'), ('0', '9')], &[(' ', '~')], &[('\0', char::MAX)]];
    for wanted in preferred {
        let common: Vec<(u32, u32)> = ranges
            .iter()
            .flat_map(|(low, high)| wanted.iter().map(|(from, to)| ((*low).max(*from as u32), (*high).min(*to as u32))))
            .filter(|(low, high)| low <= high)
            .collect();
        if !common.is_empty() {
            let total: usize = common.iter().map(|(low, high)| (high - low) as usize + 1).sum();
            let mut index = random.below(total) as u32;
            for (low, high) in common {
                if index <= high - low {
                    return char::from_u32(low + index).or_else(|| char::from_u32(low));
                }
                index -= high - low + 1;
            }
        }
    }
    None
}

/// What the pattern's look-aheads `(?=…)` demand, less what may stand before it, and last the pattern without them and
/// without `(?!…)`, `(?<=…)`, `(?<!…)`.
fn without_look_around(pattern: &str) -> Vec<String> {
    let (mut demanded, mut out) = (Vec::new(), String::with_capacity(pattern.len()));
    let mut rest = pattern;
    while let Some(next) = rest.chars().next() {
        if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|start| rest.starts_with(start)) {
            let (group, after) = rest.split_at(group_end(rest));
            if let Some(ahead) = group.strip_prefix("(?=").and_then(|ahead| ahead.strip_suffix(')')) {
                let anything = [r"[\s\S]*?", r"[\s\S]*", ".*?", ".*"];
                let ahead = anything.iter().find_map(|prefix| ahead.strip_prefix(prefix)).unwrap_or(ahead);
                demanded.extend(without_look_around(ahead));
            }
            rest = after;
        } else {
            let width =
                next.len_utf8() + if next == '\\' { rest[1..].chars().next().map_or(0, char::len_utf8) } else { 0 };
            out.push_str(&rest[..width]);
            rest = &rest[width..];
        }
    }
    demanded.push(out);
    demanded
}

/// Bytes up to and including the parenthesis that closes the one at the start.
fn group_end(text: &str) -> usize {
    let (mut depth, mut escaped, mut in_class) = (0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(pattern: &str, least: usize, most: usize, random: &mut Random) -> Option<String> {
        candidates(pattern, least, most, random, &Budget::default()).next().map(|made| made.expect("little work"))
    }

    #[test]
    fn candidates_match_their_pattern() {
        let patterns = [
            r"^[A-Z]{3}-\d{4}$",
            r"^\+?[1-9]\d{1,14}$",
            r"^(foo|bar)+baz?$",
            r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
            r"^#(?:[0-9a-fA-F]{3}){1,2}$",
            r"^\w+@\w+\.com$",
            r"^[^\s@]+\/[^\s@]+$",
            r"\d{3}",
            r"^.{5,10}$",
            r"^$",
        ];
        for pattern in patterns {
            let regex = regex::Regex::new(pattern).expect(pattern);
            for seed in 0..50 {
                let mut random = Random::new(seed);
                let found = first(pattern, 0, usize::MAX, &mut random).expect(pattern);
                assert!(regex.is_match(&found) && found.is_ascii(), "{pattern}: {found}");
            }
        }
    }

    #[test]
    fn lengths_are_met() {
        for (pattern, least, most) in [("^[a-z]+$", 100, 100), ("^[A-Z]{2}", 40, 60), ("^(ab)*$", 8, 9), ("x", 1, 1)] {
            let mut random = Random::new(3);
            let found = first(pattern, least, most, &mut random).expect(pattern);
            assert!((least..=most).contains(&found.len()), "{pattern}: {found}");
        }
    }

    #[test]
    fn look_ahead_comes_first_and_other_look_around_is_left_out() {
        assert_eq!(without_look_around(r"^(?!\s*$)(?=.*[)\d]).+\(x(?<!y)$"), [r"[)\d]", r"^.+\(x$"]);
        assert_eq!(without_look_around(&both("a", &both("^b", "c$"))), ["(?:a)", "(?:^b)", "(?:c$)", "(?:^)", "^"]);
        assert_eq!(without_look_around("(?=a"), [""]);
    }

    #[test]
    fn what_cannot_be_read_or_never_ends_gives_nothing() {
        assert_eq!(first(r"(unclosed", 0, 10, &mut Random::new(1)), None);
        assert_eq!(first(r"^((a{1000}){1000}){1000}$", 0, 10, &mut Random::new(1)), None);
    }
}
