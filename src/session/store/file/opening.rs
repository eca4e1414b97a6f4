//! Opening a data directory: whose it is, which version wrote it, whether it is whole. What is refused is not touched.

use super::database;
use serde_json::{Value, json};
use std::fs::{self, File, TryLockError};
use std::path::Path;

/// The version of the rows that this program writes and reads.
const FORMAT: u64 = 1;

/// A directory that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct DirLock(File);

impl Drop for DirLock {
    /// Closing alone would not do: a child that this process is just making has the file open too, until it is another
    /// program.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Takes a directory, and looks whether what it holds can be read.
///
/// # Errors
/// Somebody else has it, or it is of another program, a newer version, or damaged.
pub(super) fn take(dir: &Path) -> Result<DirLock, String> {
    fs::create_dir_all(dir).map_err(|error| format!("cannot be made: {error}"))?;
    let known = fs::exists(dir.join("format")).map_err(|error| format!("cannot be read: {error}"))?;
    if !known {
        check_empty(dir)?;
    }
    let lock = lock(dir)?;
    match known {
        true => {
            check_format(dir)?;
            check_rows(dir)?;
        }
        false => {
            let text = format!("{}\n", json!({"llemulator_data": FORMAT}));
            fs::write(dir.join("format"), text).map_err(|error| format!("cannot be written: {error}"))?;
        }
    }
    Ok(lock)
}

/// A folder with other things in it is not ours.
fn check_empty(dir: &Path) -> Result<(), String> {
    let other = fs::read_dir(dir).map_err(|error| format!("cannot be read: {error}"))?.flatten().find(|entry| {
        let name = entry.file_name();
        name != "lock" && name != "pid" && name != "lost+found"
    });
    match other {
        Some(other) => Err(format!(
            "is no data directory: it holds {:?} and no file \"format\"; give an empty folder, or one that is not there yet",
            other.file_name().to_string_lossy()
        )),
        None => Ok(()),
    }
}

fn lock(dir: &Path) -> Result<DirLock, String> {
    let unlocked = |error: std::io::Error| format!("cannot be locked: {error}");
    let file = File::options().read(true).write(true).create(true).truncate(false).open(dir.join("lock"));
    let file = file.map_err(unlocked)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(dir.join("pid")).unwrap_or_default();
            return Err(match holder.trim() {
                "" => "is held by another process".into(),
                pid if pid == std::process::id().to_string() => {
                    format!("is held by another emulator of this process ({pid})")
                }
                pid => format!("is held by process {pid}"),
            } + "; stop it, or give another directory");
        }
        Err(TryLockError::Error(error)) => return Err(unlocked(error)),
    }
    fs::write(dir.join("pid"), std::process::id().to_string()).map_err(unlocked)?;
    Ok(DirLock(file))
}

fn check_format(dir: &Path) -> Result<(), String> {
    let text = fs::read_to_string(dir.join("format")).map_err(|error| format!("cannot be read: {error}"))?;
    let format = serde_json::from_str::<Value>(&text).ok().and_then(|format| format["llemulator_data"].as_u64());
    match format {
        Some(FORMAT) => Ok(()),
        Some(format) if format > FORMAT => Err(format!(
            "was written by a newer version of LLEmulator (format {format}, this one reads {FORMAT}); it is left as it is"
        )),
        _ => Err(damaged("its file \"format\" says no version")),
    }
}

fn check_rows(dir: &Path) -> Result<(), String> {
    let rows = dir.join("rows");
    if !rows.exists() {
        return Ok(());
    }
    // What a process that was killed left behind.
    let _ = fs::remove_dir_all(dir.join("check"));
    let checked = database::check(&rows, &dir.join("commits"), &dir.join("check"));
    let _ = fs::remove_dir_all(dir.join("check"));
    checked.map_err(|reason| damaged(&reason))
}

fn damaged(how: &str) -> String {
    format!(
        "is damaged ({how}) and is left as it is: move it away to begin anew, or delete its file \"commits\" to go on with what can be read"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_free_even_while_a_child_has_its_lock_open() {
        let dir = tempfile::tempdir().expect("a folder");
        let lock = take(dir.path()).expect("it is free");
        let of_a_child = lock.0.try_clone().expect("the same open file");
        assert!(take(dir.path()).is_err());
        drop(lock);
        take(dir.path()).expect("it is free again");
        drop(of_a_child);
    }
}
