//! A skill's files as one ZIP archive (APPNOTE 6.3), and what its `SKILL.md` says of it.

use crate::script::place::clip;
use crate::wire::error::ApiError;
use bytes::Bytes;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Read;

/// The longest `SKILL.md` that is read.
const LONGEST: u64 = 1 << 20;

/// Files of one skill, and bytes of a file's name.
const MOST: usize = 500;
const LONGEST_NAME: usize = 255;

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";

/// What a skill is called, and what it is for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut crc = Crc::new();
        crc.update(bytes);
        let place = out.len() as u32;
        // Version 2.0, no flags, stored, no time.
        let mut common = Vec::new();
        common.extend([20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0]);
        for number in [crc.sum(), bytes.len() as u32, bytes.len() as u32] {
            common.extend(number.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        out.extend([LOCAL.as_slice(), &common, name.as_bytes(), bytes].concat());
        directory.extend([CENTRAL.as_slice(), &[20, 0], &common, &[0; 10]].concat());
        directory.extend(place.to_le_bytes());
        directory.extend(name.bytes());
    }
    let count = (files.len() as u16).to_le_bytes();
    let (place, length) = ((out.len() as u32).to_le_bytes(), (directory.len() as u32).to_le_bytes());
    out.extend(directory);
    out.extend([END.as_slice(), &[0; 4], &count, &count, &length, &place, &[0, 0]].concat());
    Ok(out.into())
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
    let front: SkillFront = serde_saphyr::from_str(front).map_err(|error| {
        let first = error.to_string();
        wrong(&format!("The front matter of SKILL.md is not understood: {}.", first.lines().next().unwrap_or_default()))
    })?;
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

/// A file in an archive.
struct ArchivedFile<'a> {
    name: Cow<'a, str>,
    method: usize,
    /// Packed.
    length: usize,
    place: usize,
}

/// A number of so many bytes.
fn number(archive: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = archive.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// The files of an archive, as its directory names them; `None` = it is none.
fn entries(archive: &[u8]) -> Option<Vec<ArchivedFile<'_>>> {
    let number = |at: usize, length: usize| number(archive, at, length);
    // The end record has a comment of at most 64 KiB behind it.
    let from = archive.len().saturating_sub(65_557);
    let end = from + archive.get(from..)?.windows(4).rposition(|four| four == END)?;
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)?);
    let mut entries = Vec::new();
    for _ in 0..count {
        if archive.get(at..at.checked_add(4)?)? != CENTRAL {
            return None;
        }
        let name = String::from_utf8_lossy(archive.get(at + 46..at + 46 + number(at + 28, 2)?)?);
        let (method, length, place) = (number(at + 10, 2)?, number(at + 20, 4)?, number(at + 42, 4)?);
        entries.push(ArchivedFile { name, method, length, place });
        at += 46 + number(at + 28, 2)? + number(at + 30, 2)? + number(at + 32, 2)?;
    }
    Some(entries)
}

/// The text of the first file of this name, in whatever folder; what bursts is cut.
fn read(archive: &[u8], wanted: &str) -> Option<String> {
    let entry = entries(archive)?.into_iter().find(|entry| entry.name.rsplit('/').next() == Some(wanted))?;
    let names = number(archive, entry.place + 26, 2)? + number(archive, entry.place + 28, 2)?;
    let start = entry.place.checked_add(30 + names)?;
    let data = archive.get(start..start.checked_add(entry.length)?)?;
    let mut text = String::new();
    match entry.method {
        0 => data.take(LONGEST).read_to_string(&mut text).ok()?,
        8 => DeflateDecoder::new(data).take(LONGEST).read_to_string(&mut text).ok()?,
        _ => return None,
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for end in 0..archive.len() {
            let _ = describe(&archive[..end]);
        }
        let mut random = crate::random::Random::new(1);
        for _ in 0..2_000 {
            let mut broken = archive.to_vec();
            let at = random.below(broken.len());
            broken[at] = random.below(256) as u8;
            let _ = describe(&broken);
        }
    }
}
