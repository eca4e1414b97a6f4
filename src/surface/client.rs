//! Which clients the surface was compared with: what a newer one sends may be new, and is no fault of the test's.

use crate::surface::operations;
use crate::wire::headers::Headers;
use std::sync::LazyLock;

/// A client's language and the newest of its versions whose types are described.
type Known = Vec<(String, Vec<u64>)>;

/// Whether a request comes from an official client that is newer than what is described here. Clients of other
/// languages have versions of their own, which say nothing.
pub(crate) fn is_newer(headers: &Headers) -> bool {
    static KNOWN: LazyLock<Known> = LazyLock::new(known);
    let header = |name: &str| headers.all(name).next();
    let (Some(language), Some(version)) = (header("x-stainless-lang"), header("x-stainless-package-version")) else {
        return false;
    };
    let newest = KNOWN.iter().find(|(known, _)| known == language).map(|(_, newest)| newest);
    newest.zip(numbers(version)).is_some_and(|(newest, version)| version > *newest)
}

fn known() -> Known {
    let clients = operations::clients();
    let read = [("js", clients.npm), ("python", clients.pypi)];
    read.iter().filter_map(|(language, version)| Some((language.to_string(), numbers(version)?))).collect()
}

/// `7.57.0` as numbers; what follows a hyphen or plus does not count.
fn numbers(version: &str) -> Option<Vec<u64>> {
    version.split(['-', '+']).next()?.split('.').map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderMap, HeaderName};

    fn newer(language: &str, version: &str) -> bool {
        let pairs = [("x-stainless-lang", language), ("x-stainless-package-version", version)];
        let pairs = pairs.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        is_newer(&Headers::of(&HeaderMap::from_iter(pairs)))
    }

    #[test]
    fn only_later_versions_of_known_clients_are_newer() {
        for (language, _) in known() {
            assert!(newer(&language, "900.0.0"), "{language}");
            assert!(newer(&language, "900.1.0-beta.1"), "{language}");
            assert!(!newer(&language, "1.99.9") && !newer(&language, "next"), "{language}");
        }
        let described = operations::clients().pypi;
        assert!(!newer("python", described), "{described}");
        assert!(!newer("go", "900.0.0") && !is_newer(&Headers::default()));
    }
}
