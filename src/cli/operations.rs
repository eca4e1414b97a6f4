//! `llemulator operations`: every operation of the OpenAI API, how far it is served, and a test that calls it.

use crate::api::{self, ServiceLevel};
use crate::surface::operations::{Clients, Key, all, clients};
use crate::surface::{Operation, coverage};
use serde::{Serialize, Serializer};
use serde_json::json;
use std::fmt::Write as _;

/// How the table is printed.
#[derive(Debug, clap::Args)]
pub(super) struct OperationsOptions {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A line of the table.
#[derive(Serialize)]
struct OperationLine {
    name: &'static str,
    method: &'static str,
    path: String,
    #[serde(serialize_with = "word")]
    level: ServiceLevel,
    /// Whose key it asks for.
    key: Key,
    /// A file of this repository.
    test: Option<&'static str>,
}

fn word<S: Serializer>(level: &ServiceLevel, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(level)
}

impl OperationLine {
    fn of(operation: &'static Operation) -> Self {
        let variant = operation.variant.map(|variant| format!("?{variant}")).unwrap_or_default();
        OperationLine {
            name: operation.name,
            method: operation.method,
            path: format!("/v1{}{variant}", operation.path.replace("{*", "{")),
            level: api::level(operation),
            key: operation.key,
            test: coverage::test_of(operation.name),
        }
    }

    /// The resource it belongs to, at the top.
    fn resource(&self) -> &'static str {
        let segments = if self.name.starts_with("beta.") || self.name.starts_with("admin.") { 2 } else { 1 };
        let end = self.name.match_indices('.').nth(segments - 1).map_or(self.name.len(), |(at, _)| at);
        self.name.get(..end).unwrap_or(self.name)
    }
}

/// All operations in the order of the client's resources.
pub(super) fn run(options: &OperationsOptions) -> String {
    let lines: Vec<OperationLine> = all().iter().map(OperationLine::of).collect();
    let Clients { npm, pypi } = clients();
    if options.json {
        return format!("{:#}\n", json!({"openai": {"npm": npm, "pypi": pypi}, "operations": lines}));
    }
    let mut out = String::new();
    // Each resource has columns of its own: few names are long, and would make every line as long.
    for room in lines.chunk_by(|one, next| one.resource() == next.resource()) {
        let width = |length: fn(&OperationLine) -> usize| room.iter().map(length).max().unwrap_or(0);
        let (name, path) = (width(|line| line.name.len()), width(|line| line.path.len()));
        for line in room {
            let OperationLine { level, method, .. } = line;
            let test = line.test.unwrap_or("-");
            let _ = writeln!(out, "{level:<11}  {:<name$}  {method:<6}  {:<path$}  {test}", line.name, line.path);
        }
    }
    let count = |level| lines.iter().filter(|line| line.level == level).count();
    let (behave, stored) = (count(ServiceLevel::Behaves), count(ServiceLevel::Stored));
    let (synthesised, unserved) = (count(ServiceLevel::Synthesised), count(ServiceLevel::NotServed));
    let _ = writeln!(
        out,
        "{} operations of the openai clients (npm {npm}, PyPI {pypi}): {behave} behave, {stored} are stored, \
         {synthesised} are synthesised, {unserved} are not served",
        lines.len()
    );
    out
}
