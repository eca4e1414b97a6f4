//! npm's `openai`, read from the sources that the package ships: what stands there is regular enough for a scanner.

use super::compare::{Described, FieldSeen, JsonKinds, TypeSeen, last};
use super::scan::{closing, nameless, quoted, snake, split, without_comments};
use super::{package, texts};
use std::path::Path;

/// Methods of the client that send something.
const VERBS: &[(&str, &str)] = &[
    ("get", "GET"),
    ("getAPIList", "GET"),
    ("post", "POST"),
    ("put", "PUT"),
    ("patch", "PATCH"),
    ("delete", "DELETE"),
];

/// Reads a package, or the one of a project.
pub(super) fn read(folder: &Path) -> Result<Described, String> {
    let package = package(folder, &["node_modules/openai", "openai"], "resources")?;
    let manifest = std::fs::read_to_string(package.join("package.json")).unwrap_or_default();
    let version = serde_json::from_str(&manifest)
        .ok()
        .and_then(|manifest: serde_json::Value| Some(manifest["version"].as_str()?.to_string()));
    let mut out = Described { client: "npm", version: version.unwrap_or_default(), ..Described::default() };
    // Sources have both, types and calls; old packages ship none.
    let sources = package.join("src/resources");
    let (declarations, calls) = if sources.exists() {
        let sources = texts(&sources, ".ts")?;
        (sources.clone(), sources)
    } else {
        (texts(&package.join("resources"), ".d.ts")?, texts(&package.join("resources"), ".js")?)
    };
    for (path, text) in &declarations {
        let inside = path.strip_prefix(&sources).or_else(|_| path.strip_prefix(package.join("resources")));
        let room = inside.ok().and_then(|inside| inside.iter().next()).map(|room| room.to_string_lossy().into_owned());
        let room = room.as_deref().and_then(|room| room.split('.').next()).map(snake).unwrap_or_default();
        declared(&without_comments(text), &room, "", &mut out);
    }
    // Some calls are made for the resources, in a library beside them.
    let library = package.join(if sources.exists() { "src/lib" } else { "lib" });
    let ending = if sources.exists() { ".ts" } else { ".js" };
    let library = if library.exists() { texts(&library, ending)? } else { Vec::new() };
    for (_, text) in calls.iter().chain(&library) {
        called(&without_comments(text), &mut out);
    }
    out.inherit();
    match out.operations.is_empty() {
        true => Err(format!("{}: no calls were found in this package", package.display())),
        false => Ok(out),
    }
}

/// `this._client.post(path`/files/${id}`, …)`, `client.post('/embeddings', …)`.
fn called(text: &str, out: &mut Described) {
    for (at, _) in text.match_indices("client") {
        let rest = text.get(at + "client".len()..).unwrap_or_default().trim_start();
        let Some(rest) = rest.strip_prefix('.').map(str::trim_start) else { continue };
        let name: String = rest.chars().take_while(|letter| letter.is_ascii_alphabetic()).collect();
        let Some((_, verb)) = VERBS.iter().find(|(known, _)| *known == name) else { continue };
        let Some(open) = rest.find('(') else { continue };
        let arguments = rest.get(open + 1..closing(rest, open)).unwrap_or_default();
        let Some(first) = split(arguments, ',').first().copied() else { continue };
        // `path` and `(0, path_1.path)` are tags.
        let path = first.find(['\'', '"', '`']).and_then(|at| first.get(at + 1..first.len() - 1));
        let Some(path) = path.filter(|path| path.starts_with('/')) else { continue };
        let lists_by_post = name == "getAPIList" && arguments.contains("method: 'post'");
        let verb = if lists_by_post { "POST" } else { verb };
        out.operations.insert(format!("{verb} {}", nameless(path)));
    }
}

/// Interfaces, aliases and what namespaces hold of them.
fn declared(text: &str, room: &str, prefix: &str, out: &mut Described) {
    let mut rest = text;
    while let Some(at) = rest.find("export ") {
        rest = rest.get(at + "export ".len()..).unwrap_or_default();
        let words: Vec<&str> = rest.splitn(3, char::is_whitespace).take(2).collect();
        let (kind, name) = match words.as_slice() {
            ["declare", _] => continue,
            [kind, name] => (*kind, *name),
            _ => return,
        };
        let name: String = name.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match kind {
            "interface" | "namespace" => {
                let Some(open) = rest.find('{') else { return };
                let end = closing(rest, open);
                let head = rest.get(..open).unwrap_or_default();
                let body = rest.get(open + 1..end).unwrap_or_default();
                if kind == "namespace" {
                    declared(body, room, &key, out);
                } else {
                    let bases = head.split_once("extends").map_or("", |(_, bases)| bases);
                    let bases = split(bases, ',').into_iter().map(String::from).collect();
                    out.add(room, key, TypeSeen { fields: fields(body), bases, ..TypeSeen::default() });
                }
                rest = rest.get(end..).unwrap_or_default();
            }
            "type" => {
                let Some(equals) = rest.find('=') else { continue };
                let Some(value) = rest.get(equals + 1..).and_then(|value| split(value, ';').first().copied()) else {
                    continue;
                };
                let named = |part: &&str| {
                    part.starts_with(|letter: char| letter.is_ascii_uppercase())
                        && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.')
                };
                let members = split(value, '|').into_iter().filter(named).map(|part| last(part).to_string());
                out.add(
                    room,
                    key,
                    TypeSeen { values: values(value), members: members.collect(), ..TypeSeen::default() },
                );
            }
            _ => {}
        }
    }
}

fn fields(body: &str) -> Vec<(String, FieldSeen)> {
    let field = |member: &str| {
        let (name, kind) = member.split_once(':')?;
        let (name, required) = match name.trim().strip_suffix('?') {
            Some(name) => (name, false),
            None => (name.trim(), true),
        };
        let name = quoted(name).unwrap_or(name);
        // What has brackets is a method or an index.
        let plain = !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || "_-./".contains(letter));
        plain.then(|| {
            (name.to_string(), FieldSeen { required, values: values(kind), kinds: kinds(kind), nullable: false })
        })
    };
    split(body, ';').into_iter().filter_map(field).collect()
}

/// What a type may be in JSON; `None` = what other types are.
fn kinds(kind: &str) -> Option<JsonKinds> {
    let one = |part: &str| match part {
        "string" => Some(JsonKinds::TEXT),
        "number" => Some(JsonKinds::NUMBER),
        "boolean" | "true" | "false" => Some(JsonKinds::BOOLEAN),
        "null" | "undefined" => Some(JsonKinds::NONE),
        _ if quoted(part).is_some() => Some(JsonKinds::TEXT),
        _ if part.starts_with("Array<") || part.ends_with("[]") => Some(JsonKinds::LIST),
        _ => None,
    };
    split(kind, '|').into_iter().map(one).sum()
}

/// The words that a type lists.
fn values(kind: &str) -> Vec<String> {
    split(kind, '|').into_iter().filter_map(quoted).map(String::from).collect()
}
