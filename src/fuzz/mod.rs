//! What must hold of any bytes that anybody may send. Each target takes bytes and panics when something does not hold; the
//! fuzzer (`fuzz/`) looks for such bytes, and a test runs all that it kept.

mod ask;
mod conditions;
mod files;
mod multipart;
mod requests;
mod schemas;
mod scripts;
mod transport;
#[cfg(test)]
mod transport_tests;

pub use conditions::conditions;
pub use files::files;
pub use multipart::multipart;
pub use requests::requests;
pub use schemas::schemas;
pub use scripts::scripts;

/// Panics when something does not hold for these bytes.
pub type Target = fn(&[u8]);

/// Every target with its name, under which its inputs are kept.
pub const TARGETS: &[(&str, Target)] = &[
    ("conditions", conditions),
    ("files", files),
    ("multipart", multipart),
    ("requests", requests),
    ("schemas", schemas),
    ("scripts", scripts),
];

/// What a function says, after it has said the same twice.
fn twice<T: PartialEq + std::fmt::Debug>(said: impl Fn() -> T) -> T {
    let (first, second) = (said(), said());
    assert_eq!(first, second, "the same bytes lead to the same");
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Runs everything that is kept for a target.
    fn replay(name: &str) {
        let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
        let mut count = 0;
        for folder in ["corpus", "regressions"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(name);
            let Ok(entries) = folder.read_dir() else { continue };
            for entry in entries {
                let path = entry.expect("an entry").path();
                let bytes = std::fs::read(&path).expect("a file");
                // A test prints only when it fails: the last line names the culprit.
                println!("{}", path.display());
                target(&bytes);
                count += 1;
            }
        }
        assert!(count > 10, "{name}: only {count} inputs are kept");
    }

    #[test]
    fn conditions_hold() {
        replay("conditions");
    }

    #[test]
    fn files_hold() {
        replay("files");
    }

    #[test]
    fn multipart_holds() {
        replay("multipart");
    }

    #[test]
    fn requests_hold() {
        replay("requests");
    }

    #[test]
    fn schemas_hold() {
        replay("schemas");
    }

    #[test]
    fn scripts_hold() {
        replay("scripts");
    }

    #[test]
    fn every_target_has_its_door_in_the_fuzzer() {
        let doors = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
        let mut found: Vec<String> = std::fs::read_dir(doors)
            .expect("the fuzzer's targets")
            .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_string()))
            .collect();
        found.sort();
        assert_eq!(found, TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }
}
