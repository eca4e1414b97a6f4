//! PyPI's `openai`, read from its sources: the calls of its resources, the classes of its types.

use super::compare::{Described, FieldSeen, JsonKinds, TypeSeen};
use super::scan::{closing, nameless, quoted, split};
use super::{package, texts};
use std::path::Path;

const VERBS: &[(&str, &str)] = &[
    ("_get", "GET"),
    ("_get_api_list", "GET"),
    ("_post", "POST"),
    ("_put", "PUT"),
    ("_patch", "PATCH"),
    ("_delete", "DELETE"),
];

/// Reads a package, or the one of a folder of packages.
pub(super) fn read(folder: &Path) -> Result<Described, String> {
    let package = package(folder, &["openai"], "_version.py")?;
    let version = std::fs::read_to_string(package.join("_version.py")).unwrap_or_default();
    let version =
        version.lines().find_map(|line| line.strip_prefix("__version__")).and_then(|line| line.split('"').nth(1));
    let mut out =
        Described { client: "pypi", version: version.unwrap_or_default().to_string(), ..Described::default() };
    let types = package.join("types");
    for (path, text) in texts(&types, ".py")? {
        let inside = path.strip_prefix(&types).unwrap_or(&path).to_path_buf();
        let stem = inside.file_stem().unwrap_or_default().to_string_lossy().replace('_', "");
        let room = if inside.iter().count() > 1 { inside.iter().next() } else { None };
        let room = room.map(|room| room.to_string_lossy().replace("shared_params", "shared")).unwrap_or_default();
        // What stands beside the type that names its file has a name of Python's own.
        declared(&text, &room, |name| name.to_lowercase().starts_with(&stem), &mut out);
    }
    for (_, text) in texts(&package.join("resources"), ".py")? {
        called(&text, &mut out);
    }
    out.inherit();
    match out.operations.is_empty() {
        true => Err(format!("{}: no calls were found in this package", package.display())),
        false => Ok(out),
    }
}

/// `self._post("/files", …)`, `self._get(path_template("/files/{file_id}", …))`, `self._get(f"/files/{file_id}")`.
fn called(text: &str, out: &mut Described) {
    for (at, _) in text.match_indices("self._") {
        let rest = text.get(at + "self.".len()..).unwrap_or_default();
        let Some(open) = rest.find('(') else { continue };
        let Some((_, verb)) = VERBS.iter().find(|(known, _)| rest.get(..open) == Some(*known)) else { continue };
        let arguments = rest.get(open + 1..closing(rest, open)).unwrap_or_default();
        let Some(path) = arguments.split('"').nth(1).filter(|path| path.starts_with('/')) else { continue };
        let verb = if arguments.contains("method=\"post\"") { "POST" } else { verb };
        out.operations.insert(format!("{verb} {}", nameless(path)));
    }
}

/// Classes and aliases at the left margin.
fn declared(text: &str, room: &str, is_own: impl Fn(&str) -> bool, out: &mut Described) {
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if let Some(head) = line.strip_prefix("class ") {
            let (name, bases) = head.split_once('(').unwrap_or((head, ""));
            let name = name.trim_end_matches(':');
            // What all classes are made of has no fields of the API.
            let named = |base: &&str| !matches!(*base, "" | "BaseModel" | "TypedDict") && !base.contains('=');
            let bases = bases.trim_end_matches("):").split(',').map(str::trim).filter(named).map(String::from);
            let optional = head.contains("total=False");
            let start = at;
            while lines.get(at).is_some_and(|line| line.is_empty() || line.starts_with([' ', ')'])) {
                at += 1;
            }
            let body = without_texts(&lines.get(start..at).unwrap_or_default().join("\n"));
            let seen = TypeSeen { fields: fields(&body, optional), bases: bases.collect(), ..TypeSeen::default() };
            if is_own(name) {
                out.add(room, name.to_string(), seen);
            }
        } else if let Some((name, _)) = line.split_once(": TypeAlias = ") {
            let start = text_from(&lines, at - 1);
            let value = start.split_once(" = ").map_or("", |(_, value)| value);
            let end = value.find('[').map_or(value.len(), |open| closing(value, open));
            let value = value.get(..end).unwrap_or(value);
            let seen = TypeSeen { values: values(value), members: members(value), ..TypeSeen::default() };
            if is_own(name) {
                out.add(room, name.to_string(), seen);
            }
        }
    }
}

fn text_from(lines: &[&str], at: usize) -> String {
    lines.get(at..(at + 200).min(lines.len())).unwrap_or_default().join("\n")
}

/// `    name: Required[Literal["a"]]`; what is deeper indented belongs to the line before.
fn fields(body: &str, all_optional: bool) -> Vec<(String, FieldSeen)> {
    let mut out: Vec<(String, FieldSeen)> = Vec::new();
    let lines: Vec<&str> = body.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some(member) = line.strip_prefix("    ").filter(|member| !member.starts_with([' ', '"', '#', '@'])) else {
            continue;
        };
        let Some((name, _)) = member.split_once(": ") else { continue };
        if !name.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
            continue;
        }
        // The member goes on in lines that are indented deeper.
        let deeper =
            lines.iter().skip(at + 1).take_while(|line| line.starts_with("     ") || line.starts_with("    )"));
        let whole = std::iter::once(line).chain(deeper).copied().collect::<Vec<_>>().join("\n");
        let kind = whole.split_once(": ").map_or("", |(_, kind)| kind);
        let kind = match kind.find('[').filter(|open| !kind.get(..*open).unwrap_or_default().contains('\n')) {
            Some(open) => kind.get(..=closing(kind, open)).unwrap_or(kind),
            None => kind.lines().next().unwrap_or_default(),
        };
        // Python's own words have another name on the wire.
        let alias = whole.split_once("alias=").and_then(|(_, rest)| rest.split('"').nth(1));
        let required = if all_optional { is_required(kind) } else { !is_optional(kind) };
        // A name that Python keeps for itself has a line under it.
        out.push((
            alias.unwrap_or(name.trim_end_matches('_')).to_string(),
            FieldSeen { required, values: values(kind), kinds: kinds(kind), nullable: false },
        ));
    }
    out
}

/// The classes of a `Union`.
fn members(kind: &str) -> Vec<String> {
    let Some(open) = kind.find("Union[").map(|at| at + "Union".len()) else { return Vec::new() };
    let inner = kind.get(open + 1..closing(kind, open)).unwrap_or_default();
    let named = |part: &&str| {
        part.chars().all(|letter| letter.is_ascii_alphanumeric())
            && part.chars().any(|letter| letter.is_ascii_lowercase())
    };
    let named = split(inner, ',').into_iter().filter(|part| named(part) && *part != "None");
    named.filter(|part| part.starts_with(|letter: char| letter.is_ascii_uppercase())).map(String::from).collect()
}

/// A class without the texts that say what it is.
fn without_texts(body: &str) -> String {
    body.split("\"\"\"").step_by(2).collect()
}

/// A type without what it is made of, and that: `Dict[str, Optional[object]]` → `Dict`, `str` and `Optional[object]`.
fn parts(kind: &str) -> (&str, Vec<&str>) {
    let kind = kind.split('#').next().unwrap_or_default().trim().trim_end_matches(" = None");
    let Some(open) = kind.find('[') else { return (kind, Vec::new()) };
    let inner = kind.get(open + 1..closing(kind, open)).unwrap_or_default();
    (kind.get(..open).unwrap_or_default(), split(inner, ','))
}

/// Whether a field of this type may be left out of what comes back; what it holds may be optional, and it not.
fn is_optional(kind: &str) -> bool {
    match parts(kind) {
        ("Optional" | "None", _) => true,
        ("Annotated", inner) => inner.first().is_some_and(|kind| is_optional(kind)),
        ("Union", members) => members.into_iter().any(is_optional),
        _ => false,
    }
}

/// Whether a field of this type must be sent where others may be left out.
fn is_required(kind: &str) -> bool {
    match parts(kind) {
        ("Required", _) => true,
        ("Annotated", inner) => inner.first().is_some_and(|kind| is_required(kind)),
        _ => false,
    }
}

/// What a type may be in JSON; `None` = what other types are.
fn kinds(kind: &str) -> Option<JsonKinds> {
    let (name, inner) = parts(kind);
    match name {
        "str" => Some(JsonKinds::TEXT),
        "int" | "float" => Some(JsonKinds::NUMBER),
        "bool" => Some(JsonKinds::BOOLEAN),
        "None" => Some(JsonKinds::NONE),
        "Literal" if inner.iter().all(|one| quoted(one).is_some()) => Some(JsonKinds::TEXT),
        "List" | "Iterable" | "SequenceNotStr" => Some(JsonKinds::LIST),
        "Annotated" => inner.first().and_then(|kind| kinds(kind)),
        "Optional" | "Required" | "Union" => inner.into_iter().map(kinds).sum(),
        _ => None,
    }
}

/// The words of the `Literal`s of a type.
fn values(kind: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (at, _) in kind.match_indices("Literal[") {
        let open = at + "Literal".len();
        let inner = kind.get(open + 1..closing(kind, open)).unwrap_or_default();
        out.extend(split(inner, ',').into_iter().filter_map(quoted).map(String::from));
    }
    out
}
