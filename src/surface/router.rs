//! From a method and a path to an operation: one tree over the whole table.

use super::operations::{self, Edge, Operation};
use crate::sorting;
use crate::url::decode;
use crate::wire::dialect::Dialect;
use matchit::Router;
use std::sync::LazyLock;

/// What a path leads to.
pub(crate) enum Matched {
    /// An operation, and the values in its path, decoded.
    Operation(&'static Operation, Vec<(&'static str, String)>),
    /// The path exists with these methods.
    WrongMethod(String),
    /// OpenAI opens a socket there, and the emulator does not.
    NoSocket(&'static str),
    Unknown,
}

impl Matched {
    pub(crate) fn dialect(&self) -> Dialect {
        self.operation().map(|operation| operation.dialect).unwrap_or_default()
    }

    pub(crate) fn edge(&self) -> Edge {
        self.operation().map(|operation| operation.edge).unwrap_or_default()
    }

    pub(crate) fn operation(&self) -> Option<&'static Operation> {
        match self {
            Matched::Operation(operation, _) => Some(operation),
            _ => None,
        }
    }

    /// The operation's name; the empty string where there is none.
    pub(crate) fn name(&self) -> &'static str {
        self.operation().map_or("", |operation| operation.name)
    }
}

/// Paths that operations also have: `(method, path, operation)`. The cancellation of an eval's run stood here before.
const ALSO: &[(&str, &str, &str)] = &[("POST", "/evals/{eval_id}/runs/{run_id}", "evals.runs.cancel")];

/// A tree for each method: a word in one (`POST /responses/compact`) hides no value in another
/// (`GET /responses/{response_id}`).
static TREES: LazyLock<Vec<(&'static str, Router<&'static Operation>)>> = LazyLock::new(|| {
    let mut trees: Vec<(&'static str, Router<&'static Operation>)> = Vec::new();
    // Operations that a query tells apart are served as the one without it; of two with one path the deprecated one
    // steps back.
    let mut own: Vec<_> = operations::all().iter().filter(|operation| operation.variant.is_none()).collect();
    sorting::by_key(&mut own, |operation| operation.deprecated);
    let own = own.into_iter().map(|operation| (operation.method, operation.path, Some(operation)));
    let also = ALSO.iter().map(|(method, path, name)| (*method, *path, operations::named(name)));
    for (method, path, operation) in own.chain(also) {
        let Some(operation) = operation else { continue };
        if !trees.iter().any(|(known, _)| *known == method) {
            trees.push((method, Router::new()));
        }
        if let Some((_, tree)) = trees.iter_mut().find(|(known, _)| *known == method) {
            // A second operation on one path has no way of its own; a test walks all of them.
            let _ = tree.insert(path, operation);
        }
    }
    trees
});

/// The operation that requests for this one reach: itself, or the one whose path it has.
pub(crate) fn routed(operation: &'static Operation) -> &'static Operation {
    let tree = TREES.iter().find(|(known, _)| *known == operation.method);
    let pattern = operation.path.replace(['{', '}'], "");
    tree.and_then(|(_, tree)| tree.at(&pattern).ok()).map_or(operation, |found| found.value)
}

/// Operations that have no way of their own, each where the one stands whose path it has.
static SHARING: LazyLock<Vec<Option<&'static Operation>>> = LazyLock::new(|| {
    let mut sharing = vec![None; operations::all().len()];
    // No others step back: see `TREES`.
    for operation in operations::all().iter().filter(|one| one.variant.is_some() || one.deprecated) {
        let at = routed(operation).index;
        if at != operation.index {
            sharing[at] = Some(operation);
        }
    }
    sharing
});

/// Another operation that a request for this one is: one that is told apart by the query, or that has the same path.
pub(crate) fn sharing(operation: &Operation, query: &[(String, String)]) -> Option<&'static str> {
    let other = SHARING.get(operation.index).copied().flatten()?;
    let asked = |variant: &str| {
        variant.split_once('=').is_some_and(|wanted| query.iter().any(|(name, value)| wanted == (name, value)))
    };
    other.variant.is_none_or(asked).then_some(other.name)
}

/// Finds the operation of a path below `/v1`.
pub(crate) fn find(method: &str, path: &str) -> Matched {
    let own = TREES.iter().find(|(known, _)| *known == method);
    if let Some(found) = own.and_then(|(_, tree)| tree.at(path).ok()) {
        let params = found.params.iter().map(|(name, value)| (name, decode(value))).collect();
        return Matched::Operation(found.value, params);
    }
    let allowed: Vec<&str> =
        TREES.iter().filter(|(_, tree)| tree.at(path).is_ok()).map(|(method, _)| *method).collect();
    if allowed.is_empty() { Matched::Unknown } else { Matched::WrongMethod(allowed.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(method: &str, path: &str) -> Option<&'static str> {
        match find(method, path) {
            Matched::Operation(operation, _) => Some(operation.name),
            _ => None,
        }
    }

    #[test]
    fn every_operation_has_its_way() {
        for operation in operations::all() {
            let fill = |segment: &str| segment.strip_prefix('{').map_or(segment.to_string(), |_| "some_id".into());
            let path = operation.path.split('/').map(fill).collect::<Vec<_>>().join("/");
            let expected = match operation.name {
                // The list stands on the same path.
                "fine_tuning.checkpoints.permissions.retrieve" => "fine_tuning.checkpoints.permissions.list",
                name if operation.variant.is_some() => name.strip_prefix("beta.").expect("a variant of a beta"),
                name => name,
            };
            assert_eq!(name(operation.method, &path), Some(expected), "{path}");
            assert!(matches!(find("TRACE", &path), Matched::WrongMethod(_)), "{path}");
        }
    }

    #[test]
    fn words_come_before_values() {
        assert_eq!(name("POST", "/responses/compact"), Some("responses.compact"));
        assert_eq!(name("GET", "/responses/compact"), Some("responses.retrieve"));
        assert_eq!(name("POST", "/threads/runs"), Some("beta.threads.create_and_run"));
        assert_eq!(name("POST", "/evals/e/runs/r"), Some("evals.runs.cancel"));
        for nowhere in ["/chat", "/files/a/b", "", "/", "/nothing", "/files/a/content/more"] {
            assert!(matches!(find("GET", nowhere), Matched::Unknown), "{nowhere}");
        }
    }

    #[test]
    fn values_are_decoded_and_may_hold_slashes_where_models_are_named() {
        let Matched::Operation(operation, params) = find("GET", "/models/org/gpt%204") else { panic!("no route") };
        assert_eq!((operation.name, &params[0]), ("models.retrieve", &("model", "org/gpt 4".to_string())));
        let Matched::Operation(_, params) = find("GET", "/vector_stores/vs%2F1/files/f") else { panic!("no route") };
        assert_eq!(params, [("vector_store_id", "vs/1".to_string()), ("file_id", "f".to_string())]);
        let Matched::WrongMethod(allow) = find("PUT", "/files/f") else { panic!("a route") };
        assert_eq!(allow, "GET, DELETE");
        let Matched::WrongMethod(allow) = find("PUT", "/responses/compact") else { panic!("a route") };
        assert_eq!(allow, "POST, GET, DELETE");
    }
}
