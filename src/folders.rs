//! The files below a folder.

use crate::sorting;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

/// What stands below a folder.
#[derive(Debug, Default)]
pub(crate) struct Below {
    /// Its files and those of the folders in it, by name.
    pub files: Vec<PathBuf>,
    /// Folders that cannot be read, and why.
    pub unreadable: Vec<(PathBuf, io::Error)>,
    /// Where it was: links may lead in circles, and to one folder from many places.
    seen: HashSet<PathBuf>,
}

impl Below {
    /// All that stands below a folder, however deep.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut below = Below::default();
        below.walk(folder);
        below
    }

    fn walk(&mut self, folder: &Path) {
        let found = folder.canonicalize().and_then(|place| match self.seen.insert(place) {
            true => std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect(),
            false => Ok(Vec::new()),
        });
        let mut entries = match found {
            Ok(entries) => entries,
            Err(error) => return self.unreadable.push((folder.into(), error)),
        };
        sorting::by(&mut entries, Ord::cmp);
        for entry in entries {
            match entry.is_dir() {
                true => self.walk(&entry),
                false => self.files.push(entry),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_come_by_name_whatever_their_depth() {
        let place = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(place.path().join("b/c")).expect("folders");
        for file in ["a.json", "b/c/d.json", "b/e.json", "f.json"] {
            fs::write(place.path().join(file), "{}").expect("a file");
        }
        let below = Below::of(place.path());
        let names: Vec<_> = below.files.iter().map(|file| file.strip_prefix(place.path()).expect("below")).collect();
        assert_eq!(names, ["a.json", "b/c/d.json", "b/e.json", "f.json"].map(Path::new));
        assert!(below.unreadable.is_empty());
    }

    #[test]
    fn a_folder_that_is_none_is_told() {
        let place = tempfile::tempdir().expect("a folder");
        let none = place.path().join("none");
        assert_eq!(Below::of(&none).unreadable.iter().map(|(folder, _)| folder).collect::<Vec<_>>(), [&none]);
    }

    #[cfg(unix)]
    #[test]
    fn links_in_circles_end() {
        use std::os::unix::fs::symlink;
        let place = tempfile::tempdir().expect("a folder");
        fs::create_dir(place.path().join("a")).expect("a folder");
        fs::write(place.path().join("a/one.json"), "{}").expect("a file");
        // Two ways up in one folder: followed, the ways double at each of forty levels.
        for (link, to) in [("up", ".."), ("self", "../a"), ("again", ".")] {
            symlink(to, place.path().join("a").join(link)).expect("a link");
        }
        symlink("a", place.path().join("b")).expect("a link");
        assert_eq!(Below::of(place.path()).files, [place.path().join("a/one.json")]);
    }
}
