//! Which test calls an operation: `scripts/coverage.mjs` finds one for each and writes `generated/tests.json`, from which
//! `docs/coverage.md` and `llemulator operations` say the same.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A file of tests with the operations that it calls.
type CallsByFile<'a> = HashMap<&'a str, Vec<&'a str>>;

const GENERATED: &str = include_str!("generated/tests.json");

/// The file of a test that calls this operation, from the repository's folder; `None` = it came after the table was written.
pub(crate) fn test_of(operation: &str) -> Option<&'static str> {
    static TESTS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        // Generated, and read whole by the test below: it does not fail.
        let files: CallsByFile<'static> = serde_json::from_str(GENERATED).unwrap_or_default();
        files.into_iter().flat_map(|(file, names)| names.into_iter().map(move |name| (name, file))).collect()
    });
    TESTS.get(operation).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::operations;
    use std::path::Path;

    #[test]
    fn every_operation_has_a_test_that_is_there() {
        for operation in operations::all() {
            let file =
                test_of(operation.name).unwrap_or_else(|| panic!("{}: node scripts/coverage.mjs", operation.name));
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(), "{}: {file} is gone", operation.name);
        }
        let files: CallsByFile<'_> = serde_json::from_str(GENERATED).expect("it is written so");
        for name in files.values().flatten() {
            assert!(operations::named(name).is_some_and(|operation| operation.name == *name), "{name} is no operation");
        }
    }
}
