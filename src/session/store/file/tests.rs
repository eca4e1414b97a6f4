//! Directories that are whole, foreign, newer, damaged or somebody else's.

use super::*;
use crate::clock::Mode;
use crate::session::store::keeper::Keeper;
use crate::session::store::saved::ShelfChange;
use std::collections::BTreeMap;

fn open(dir: &Path) -> Result<Arc<DataDir>, String> {
    DataDir::open(dir, Durability::Process, 100)
}

/// Writes a row.
fn put(data: &DataDir, key: &str, text: &str) {
    data.change([RowChange::Put(key.into(), saved::json(&text))]);
}

/// A directory with so many rows, closed.
fn filled(rows: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let data = open(dir.path()).expect("it opens");
    for row in 0..rows {
        put(&data, &format!("row/{row:04}"), &format!("the {row}th of them"));
        // Each in a commit of its own.
        data.queue.settle().expect("it is written");
    }
    data.close();
    dir
}

/// All files but those that say who holds it.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("it is read").flatten() {
        match entry.file_type().expect("a type").is_dir() {
            true => all.extend(files(&entry.path())),
            false if entry.file_name() == "lock" || entry.file_name() == "pid" => {}
            false => drop(all.insert(entry.path(), fs::read(entry.path()).expect("it is read"))),
        }
    }
    all
}

/// Why it is not opened; nothing in it has changed.
fn refused(dir: &Path) -> String {
    let before = files(dir);
    let reason = open(dir).map(|_| ()).expect_err("it is refused");
    assert!(before == files(dir), "something was touched: {reason}");
    assert!(reason.contains(&*dir.to_string_lossy()), "{reason}");
    reason
}

#[test]
fn what_was_written_is_there_again() {
    let dir = filled(5);
    let data = open(dir.path()).expect("it opens again");
    let rows: Vec<(String, String)> = data.rows("row/");
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[4], ("0004".into(), "the 4th of them".into()));
    // Of several changes of one row the last one holds, also in one commit.
    let put = |value: u8| RowChange::Put(b"row/0000".into(), vec![b'"', value, b'"']);
    data.change([put(b'a'), RowChange::Remove(b"row/0000".into()), put(b'b')]);
    data.change([put(b'c'), RowChange::RemoveAll(b"row/0000".into())]);
    data.change([RowChange::RemoveAll(b"row/0001".into()), put(b'd')]);
    let rows: Vec<(String, String)> = data.rows("row/");
    assert_eq!((rows.len(), rows[0].1.as_str(), rows[1].0.as_str()), (4, "d", "0002"));
    data.close();
}

#[test]
fn a_directory_has_one_holder_who_is_named() {
    let dir = filled(1);
    let data = open(dir.path()).expect("it opens");
    let reason = open(dir.path()).map(|_| ()).expect_err("it is held");
    assert!(reason.contains(&format!("another emulator of this process ({})", std::process::id())), "{reason}");
    data.close();
    open(dir.path()).expect("it is free").close();
}

#[test]
fn what_is_foreign_or_newer_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("thesis.txt"), "chapter one").expect("it is written");
    assert!(refused(dir.path()).contains("thesis.txt"));
    let dir = filled(3);
    for (format, why) in [
        ("{\"llemulator_data\": 2}", "newer version of LLEmulator (format 2, this one reads 1)"),
        ("{\"llemulator_data\": \"x\"}", "damaged"),
        ("", "damaged"),
    ] {
        fs::write(dir.path().join("format"), format).expect("it is written");
        let reason = refused(dir.path());
        assert!(reason.contains(why), "{reason}");
    }
}

#[test]
fn what_is_damaged_is_refused_and_left_alone() {
    let dir = filled(40);
    let journal = dir.path().join("rows").join("0.jnl");
    let journal = if journal.exists() { journal } else { dir.path().join("rows").join("1.jnl") };
    let mut whole = fs::read(&journal).expect("a journal");
    let used = whole.iter().rposition(|byte| *byte != 0).expect("something is in it") + 1;
    // The rest is a hole.
    whole.truncate(used + 1_000);
    // Wherever a byte is wrong, and wherever the journal ends early, an acknowledged commit is missing.
    let mut found = 0;
    for at in (0..used).step_by(used / 60 + 1) {
        let mut broken = whole.clone();
        broken[at] ^= 0x55;
        fs::write(&journal, &broken).expect("it is written");
        match open(dir.path()) {
            // A commit's own number matters only beside others.
            Ok(data) => {
                let rows: Vec<(String, String)> = data.rows("row/");
                data.close();
                assert!(rows.len() == 40 && rows[7].1 == "the 7th of them", "byte {at}");
            }
            Err(_) => {
                fs::write(&journal, &broken).expect("it is written");
                let reason = refused(dir.path());
                assert!(reason.contains("damaged"), "byte {at}: {reason}");
                found += 1;
            }
        }
        fs::write(&journal, &whole[..at]).expect("it is written");
        assert!(refused(dir.path()).contains("damaged"), "cut at {at}");
    }
    assert!(found > 40, "{found}");
    fs::write(&journal, &whole).expect("it is written");
    let data = open(dir.path()).expect("it is whole again");
    assert_eq!(data.rows::<String>("row/").len(), 40);
    data.close();
    // Whoever wants to goes on with what there is.
    fs::write(&journal, &whole[..used / 2]).expect("it is written");
    refused(dir.path());
    fs::remove_file(dir.path().join("commits")).expect("it is removed");
    let data = open(dir.path()).expect("it opens");
    assert!((1..40).contains(&data.rows::<String>("row/").len()));
    data.close();
}

#[tokio::test]
async fn what_cannot_be_written_is_not_acknowledged_and_comes_later() {
    let dir = filled(1);
    let data = open(dir.path()).expect("it opens");
    let commits = dir.path().join("commits");
    fs::remove_file(&commits).expect("it is removed");
    fs::create_dir(&commits).expect("its number has no place now");
    data.database.close();
    put(&data, "row/0001", "late");
    let refused = data.settled().await.expect_err("it is not written");
    assert!(refused.code.as_deref() == Some("data_not_written") && refused.status >= 500, "{refused:?}");
    fs::remove_dir(&commits).expect("it is removed");
    while data.settled().await.is_err() {
        tokio::task::yield_now().await;
    }
    data.close();
    let data = open(dir.path()).expect("it opens again");
    assert_eq!(data.rows::<String>("row/").len(), 2);
    data.close();
}

#[test]
fn a_directory_keeps_so_many_sessions() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = DataDir::open(dir.path(), Durability::Power, 2).expect("it opens");
    for key in ["a", "b", "c"] {
        let rows = Keeper::Directory(data.clone()).session(key, key, Mode::Manual, 7, 1);
        rows.used(0, 1);
        rows.leave();
        rows.used(0, 2);
    }
    assert!(data.saved("a").is_none(), "the oldest made room");
    let saved = data.saved("c").expect("it is kept");
    assert_eq!((saved.row.seed, saved.uses.get(&0)), (7, Some(&1)), "nothing is written after it left");
    assert_eq!(data.rows::<u64>("s/").len(), 2, "of a session that is gone no row is left");
    data.forget("c");
    assert!(data.saved("c").is_none() && data.saved("b").is_some());
    data.close();
}

#[test]
fn files_that_no_row_names_are_swept_away() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = open(dir.path()).expect("it opens");
    let rows = Keeper::Directory(data.clone()).session("key", "key", Mode::Real, 0, 1);
    let keep = || data.keep(&Blob::from(bytes::Bytes::from_static(b"content"))).expect("it is written");
    let (named, lost) = (keep(), keep());
    let path = |blob: &Blob| blob.named().expect("a file").path.clone();
    rows.stored(vec![ShelfChange::Blob("file/1".into(), 0, named.clone())]);
    data.close();
    let data = open(dir.path()).expect("it opens again");
    assert!(path(&named).exists() && !path(&lost).exists());
    let saved = data.saved("key").expect("it is kept");
    assert_eq!(saved.blobs[0].2.bytes().expect("it is read"), "content");
    // With its session a file goes too.
    data.forget("key");
    data.queue.settle().expect("it is written");
    assert!(!path(&named).exists());
    data.close();
}
