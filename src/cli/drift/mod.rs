//! `llemulator drift`: what a project's clients, or its recordings, have that this build does not know, and the other
//! way round.

mod compare;
mod npm;
mod pypi;
mod recordings;
mod scan;

use crate::folders::Below;
use crate::sorting;
use crate::surface::fit::Tier;
use crate::surface::operations;
use compare::{Described, Ours};
use serde::Serialize;
use serde_json::json;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// What is compared.
#[derive(Debug, clap::Args)]
pub(super) struct DriftOptions {
    /// The npm package `openai`, or a project that has it in its node_modules
    #[arg(long, value_name = "DIR")]
    npm: Option<PathBuf>,
    /// The Python package `openai`, or a folder of packages (site-packages) that holds it
    #[arg(long, value_name = "DIR")]
    pypi: Option<PathBuf>,
    /// Recordings: JSON lines with a request and a response each, in this folder and those below
    #[arg(long, value_name = "DIR")]
    cassettes: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum DriftKind {
    /// There, and not here.
    Added,
    /// There otherwise than here.
    Changed,
    /// Here, and not there.
    Removed,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Difference {
    tier: Tier,
    change: DriftKind,
    /// `npm 7.58.0`, `recordings`.
    of: String,
    /// An operation, a type's field, a recording.
    place: String,
    what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = match self.change {
            DriftKind::Added => '+',
            DriftKind::Changed => '~',
            DriftKind::Removed => '-',
        };
        write!(out, "{change} {}: {}", self.place, self.what)
    }
}

/// Compares, and says what differs and how much that matters.
///
/// # Errors
/// Nothing was named, or what was named is not there.
pub(super) fn run(options: &DriftOptions) -> Result<(String, i32), String> {
    let ours = Ours::read();
    let (mut found, mut compared) = (Vec::new(), Vec::new());
    let mut client = |described: Described| {
        compared.push(described.name());
        found.extend(compare::differences(&ours, &described));
    };
    if let Some(folder) = &options.npm {
        client(npm::read(folder)?);
    }
    if let Some(folder) = &options.pypi {
        client(pypi::read(folder)?);
    }
    if let Some(folder) = &options.cassettes {
        let (differences, number) = recordings::differences(folder)?;
        compared.push(format!("{number} recordings"));
        found.extend(differences);
    }
    if compared.is_empty() {
        return Err("nothing to compare: give --npm DIR, --pypi DIR or --cassettes DIR".into());
    }
    // What matters most stands first.
    sorting::by(&mut found, |one, other| other.tier.cmp(&one.tier).then_with(|| one.cmp(other)));
    found.dedup();
    let code = Tier::exit_code(found.iter().map(|difference| difference.tier).max());
    let text = if options.json { as_json(&compared, &found) } else { as_text(&compared, &found) };
    Ok((text, code))
}

fn as_json(compared: &[String], found: &[Difference]) -> String {
    let clients = operations::clients();
    let surface = json!({"npm": clients.npm, "pypi": clients.pypi});
    format!("{:#}\n", json!({"surface": surface, "compared": compared, "differences": found}))
}

fn as_text(compared: &[String], found: &[Difference]) -> String {
    let clients = operations::clients();
    let mut out = String::new();
    let _ = writeln!(out, "This build knows openai {} (npm) and {} (PyPI).", clients.npm, clients.pypi);
    let _ = writeln!(out, "Compared with {}.", compared.join(", "));
    for (tier, title) in [
        (Tier::Error, "Errors: requests that are refused here, values of another type"),
        (Tier::Warning, "Warnings: answers that lack something"),
        (Tier::Info, "Infos: known here only"),
    ] {
        let of: Vec<&Difference> = found.iter().filter(|difference| difference.tier == tier).collect();
        if of.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{title} ({})", of.len());
        for difference in of {
            let _ = writeln!(out, "  {difference}");
        }
    }
    if found.is_empty() {
        out.push_str("No drift.\n");
    }
    out
}

/// The package's own folder, from what was named: itself, or what holds it.
fn package(named: &Path, inside: &[&str], mark: &str) -> Result<PathBuf, String> {
    let candidates = std::iter::once(named.to_path_buf()).chain(inside.iter().map(|inner| named.join(inner)));
    let found = candidates.into_iter().find(|folder| folder.join(mark).exists());
    found.ok_or_else(|| format!("{}: no package openai here (looked for {mark})", named.display()))
}

/// The texts of all files with this ending below a folder, by path.
fn texts(folder: &Path, ending: &str) -> Result<Vec<(PathBuf, String)>, String> {
    let below = Below::of(folder);
    let told = |path: &Path, error: &std::io::Error| format!("{}: {error}", path.display());
    if let Some((folder, error)) = below.unreadable.first() {
        return Err(told(folder, error));
    }
    let wanted = below.files.into_iter().filter(|file| file.to_string_lossy().ends_with(ending));
    wanted
        .map(|file| match std::fs::read_to_string(&file) {
            Ok(text) => Ok((file, text)),
            Err(error) => Err(told(&file, &error)),
        })
        .collect()
}

#[cfg(test)]
mod tests;
