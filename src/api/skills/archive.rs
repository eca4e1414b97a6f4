//! A skill's files as one ZIP archive, and what its `SKILL.md` says of it.

use crate::api::zip::{self, LOCAL, entries};
use crate::script::files::located;
use crate::script::place::clip;
use crate::wire::error::ApiError;
use bytes::Bytes;
use serde_json::Value;
use serde_saphyr::Options;
use std::collections::HashSet;

/// The longest `SKILL.md` that is read.
const LONGEST: usize = 1 << 20;

/// Files of one skill, and bytes of a file's name.
const MOST: usize = 500;
const LONGEST_NAME: usize = 255;

/// What a skill is called, and what it is for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SkillFront {
    pub name: String,
    pub description: String,
}

/// The archive of these files, by their paths: the one that is an archive already, or all of them stored in one.
///
/// # Errors
/// They are more than an archive of this form has room for, or two have one name.
pub(super) fn pack(files: &[(String, Bytes)]) -> Result<Bytes, ApiError> {
    if let [(_, only)] = files
        && only.starts_with(LOCAL)
    {
        check(&entries(only).unwrap_or_default().iter().map(|entry| entry.name.to_string()).collect::<Vec<_>>())?;
        return Ok(only.clone());
    }
    check(&files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>())?;
    Ok(zip::stored(files).into())
}

/// What the `SKILL.md` of an archive says at its beginning.
///
/// # Errors
/// There is none, or it says no name and description.
pub(super) fn describe(archive: &[u8]) -> Result<SkillFront, ApiError> {
    let wrong = |what: &str| {
        let message = format!(
            "{what} A skill is a ZIP archive, or files, with a SKILL.md that begins with its name and description between lines of '---'."
        );
        ApiError::invalid(message).param("files")
    };
    let text = read(archive, "SKILL.md").ok_or_else(|| wrong("No SKILL.md was found."))?;
    let front = text.trim_start_matches('\u{feff}').strip_prefix("---").and_then(|rest| rest.split_once("\n---"));
    let (front, _) = front.ok_or_else(|| wrong("SKILL.md does not begin with a front matter."))?;
    let front = located::value(front, Options::default()).map_err(|error| {
        let first = error.to_string();
        wrong(&format!("The front matter of SKILL.md is not understood: {}.", first.lines().next().unwrap_or_default()))
    })?;
    // What looks like a number is a name nevertheless.
    let said = |field: &str| match &front[field] {
        Value::String(text) => text.clone(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
        other => other.to_string(),
    };
    let front = SkillFront { name: said("name"), description: said("description") };
    match front.name.trim().is_empty() || front.description.trim().is_empty() {
        true => Err(wrong("SKILL.md says no name, or no description.")),
        false => Ok(front),
    }
}

/// Refuses names that are no files of a skill: whoever unpacks it would write beside it.
fn check(names: &[String]) -> Result<(), ApiError> {
    let wrong = |message: String| Err(ApiError::invalid(message).param("files"));
    if names.len() > MOST {
        return wrong(format!("A skill has at most {MOST} files, not {}.", names.len()));
    }
    let mut known = HashSet::new();
    for name in names {
        if name.is_empty() || name.len() > LONGEST_NAME || !known.insert(name) {
            return wrong(format!(
                "Each file of a skill has a name of its own, of at most {LONGEST_NAME} bytes, not '{}'.",
                clip(name)
            ));
        }
        if name.starts_with('/') || name.split(['/', '\\']).any(|part| part == "..") {
            return wrong(format!("Each file of a skill lies in its folder, and not at '{}'.", clip(name)));
        }
    }
    Ok(())
}

/// The text of the first file of this name, in whatever folder; what bursts is cut.
fn read(archive: &[u8], wanted: &str) -> Option<String> {
    let entry = entries(archive)?.into_iter().find(|entry| entry.name.rsplit('/').next() == Some(wanted))?;
    String::from_utf8(entry.read(archive, LONGEST)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::broken;

    const SKILL: &str = "---\nname: csv\ndescription: \"Reads tables.\"\n---\nHow to.";

    fn files(skill: &str) -> Vec<(String, Bytes)> {
        let file = |name: &str, text: &str| (name.to_string(), Bytes::copy_from_slice(text.as_bytes()));
        vec![file("csv/run.py", "print(1)"), file("csv/SKILL.md", skill)]
    }

    #[test]
    fn files_become_an_archive_that_can_be_read() {
        let archive = pack(&files(SKILL)).expect("an archive");
        let described = SkillFront { name: "csv".into(), description: "Reads tables.".into() };
        assert_eq!(describe(&archive), Ok(described.clone()));
        assert_eq!(read(&archive, "run.py").as_deref(), Some("print(1)"));
        let again = pack(&[("skill.zip".into(), archive.clone())]).expect("an archive");
        assert_eq!((again == archive, describe(&again)), (true, Ok(described)));
    }

    #[test]
    fn what_is_no_skill_is_refused_and_no_bytes_make_it_panic() {
        let folded = describe(
            &pack(&files("---\r\nname: x\r\ndescription: >\r\n  Reads\r\n  tables.\r\n---\r\n")).expect("an archive"),
        );
        assert_eq!(folded.map(|front| front.description), Ok("Reads tables.\n".into()));
        for place in ["../SKILL.md", "a/../../b", "/etc/passwd", "a\\..\\b"] {
            let outside = [files(SKILL), vec![(place.to_string(), Bytes::new())]].concat();
            assert!(pack(&outside).is_err(), "{place}");
        }
        // The same of an archive that is one already.
        let mut archive = pack(&files(SKILL)).expect("an archive").to_vec();
        while let Some(at) = archive.windows(10).position(|name| name == b"csv/run.py") {
            archive[at..at + 10].copy_from_slice(b"../_run.py");
        }
        let told = pack(&[("a.zip".into(), archive.into())]).expect_err("it lies outside");
        assert!(told.message.contains("lies in its folder"), "{}", told.message);
        let twice = [files(SKILL), files(SKILL)].concat();
        assert!(pack(&twice).is_err());
        assert!(pack(&[("a".repeat(256), Bytes::new())]).is_err());
        let many: Vec<_> = (0..=MOST).map(|number| (number.to_string(), Bytes::new())).collect();
        assert!(pack(&many).is_err() && pack(&many[1..]).is_ok());
        for skill in ["How to.", "---\nname: x\n---", "---\nname:\ndescription: x\n---", ""] {
            assert!(describe(&pack(&files(skill)).expect("an archive")).is_err(), "{skill}");
        }
        let archive = pack(&files(SKILL)).expect("an archive");
        for broken in broken(&archive) {
            let _ = describe(&broken);
        }
    }
}
