//! What cassettes hold, and the recording of a request.
//!
//! Loading reads every line as far as finding it needs; what a recording answers is read when it does.

use super::format::{self, Recording, RecordingHead};
use super::import;
use super::meaning;
use super::normal::{Matching, differences, hash};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Recordings that a miss is compared with.
const COMPARED: usize = 500;

/// Bytes of a line that is kept once it was read.
const KEPT: usize = 256 * 1024;

/// Bytes of all lines that are kept.
const KEPT_IN_ALL: usize = 64 << 20;

/// A line, or a file, that cannot be read as a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misread {
    pub(crate) file: PathBuf,
    /// From 1; 0 = the file itself.
    pub(crate) line: usize,
    pub(crate) reason: String,
}

impl std::fmt::Display for Misread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = self.file.display();
        match self.line {
            0 => write!(formatter, "{file}: {}", self.reason),
            line => write!(formatter, "{file}:{line}: {}", self.reason),
        }
    }
}

/// Where a recording is.
#[derive(Debug)]
struct Track {
    file: Arc<Path>,
    line: usize,
    from: u64,
    length: usize,
    operation: &'static str,
    /// Whether it is of a file that another tool wrote: then it is here.
    whole: OnceLock<Arc<Recording>>,
}

impl Track {
    /// Its line.
    fn text(&self) -> std::io::Result<String> {
        let mut line = vec![0; self.length];
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.from))?;
        file.read_exact(&mut line)?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

/// All recordings of some files, in recorded order: files by name, lines by number.
#[derive(Debug, Default)]
pub(crate) struct Library {
    tracks: Vec<Track>,
    /// Equal requests.
    equal: HashMap<u64, Vec<u32>>,
    /// Requests that mean the same; made when one is not found otherwise.
    alike: OnceLock<HashMap<u64, Vec<u32>>>,
    misread: Vec<Misread>,
    matching: Matching,
    /// What tools have written that keep conditions instead of requests.
    scripts: Vec<Value>,
    /// Bytes of lines that were read.
    kept: AtomicUsize,
}

/// The recordings of one request.
#[derive(Debug)]
pub(crate) struct EqualTakes<'a> {
    /// What they are found by: counting them needs it.
    pub(crate) hash: u64,
    takes: &'a [u32],
}

impl EqualTakes<'_> {
    pub(crate) fn count(&self) -> usize {
        self.takes.len()
    }
}

impl Library {
    /// Loads files, and those of folders; what cannot be read is named, and the rest is there.
    pub(crate) fn load(paths: &[PathBuf], matching: Matching) -> Self {
        let mut library = Library { matching, ..Library::default() };
        let mut files = Vec::new();
        for path in paths {
            match path.is_dir() {
                true => library.walk(path, &mut files),
                false => files.push(path.clone()),
            }
        }
        for file in files {
            library.read(&file);
        }
        library
    }

    /// Whether a file is a cassette of ours, by its name.
    pub(crate) fn is_own(file: &Path) -> bool {
        file.extension().is_some_and(|end| end == format::ENDING)
    }

    /// Fixtures as scripts.
    pub(crate) fn scripts(&self) -> &[Value] {
        &self.scripts
    }

    /// What could not be read.
    pub(crate) fn misread(&self) -> &[Misread] {
        &self.misread
    }

    /// How many recordings there are.
    pub(crate) fn len(&self) -> usize {
        self.tracks.len()
    }

    fn walk(&mut self, folder: &Path, files: &mut Vec<PathBuf>) {
        let found = match std::fs::read_dir(folder) {
            Ok(found) => found,
            Err(error) => return self.fault(folder, 0, format!("this folder cannot be read: {error}")),
        };
        let mut entries: Vec<PathBuf> = found.filter_map(|entry| Some(entry.ok()?.path())).collect();
        entries.sort();
        for entry in entries {
            if entry.is_dir() {
                self.walk(&entry, files);
            } else if Library::is_own(&entry)
                || entry.extension().is_some_and(|end| import::ENDINGS.iter().any(|one| end == *one))
            {
                files.push(entry);
            }
        }
    }

    fn fault(&mut self, file: &Path, line: usize, reason: impl Into<String>) {
        self.misread.push(Misread { file: file.into(), line, reason: reason.into() });
    }

    fn read(&mut self, file: &Path) {
        let bytes = match std::fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) => return self.fault(file, 0, format!("cannot be read: {error}")),
        };
        let place: Arc<Path> = file.into();
        if !Library::is_own(file) {
            return self.import(file, &place, &bytes);
        }
        let mut from = 0u64;
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let start = from;
            from += line.len() as u64 + 1;
            let Ok(text) = std::str::from_utf8(line) else {
                self.fault(file, index + 1, "this is no text in UTF-8");
                continue;
            };
            let text = if index == 0 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
            if index == 0 {
                match format::is_head(text) {
                    Ok(true) => continue,
                    Ok(false) => {
                        let head = format::head();
                        return self.fault(file, 1, format!("this is no cassette: its first line is to be {head}"));
                    }
                    Err(reason) => return self.fault(file, 1, reason),
                }
            }
            if text.trim().is_empty() {
                continue;
            }
            match self.head(text) {
                Ok((operation, hash)) => {
                    let number = self.tracks.len() as u32;
                    self.equal.entry(hash).or_default().push(number);
                    let (file, length) = (place.clone(), line.len());
                    self.tracks.push(Track {
                        file,
                        line: index + 1,
                        from: start,
                        length,
                        operation,
                        whole: OnceLock::new(),
                    });
                }
                Err(reason) => self.fault(file, index + 1, reason),
            }
        }
    }

    /// Reads a file of another tool.
    fn import(&mut self, file: &Path, place: &Arc<Path>, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let imported = match import::read(file, text) {
            Ok(Some(imported)) => imported,
            Ok(None) => {
                return self.fault(
                    file,
                    0,
                    "no tool that is known writes such recordings: VCR, Polly, nock, HAR, MockServer, aimock",
                );
            }
            Err(reason) => return self.fault(file, 0, reason),
        };
        self.scripts.extend(imported.script);
        for fault in imported.faults {
            self.fault(file, 0, fault);
        }
        for (index, recording) in imported.recordings.into_iter().enumerate() {
            let request = &recording.request;
            let Ok(operation) = operation(&recording.operation, request) else { continue };
            // As a request that comes: it was not made ready by us.
            let normal = self.matching.of(operation, &request.path, &request.query, &request.body);
            let number = self.tracks.len() as u32;
            self.equal.entry(hash(&normal)).or_default().push(number);
            let whole = OnceLock::from(Arc::new(recording));
            self.tracks.push(Track { file: place.clone(), line: index + 1, from: 0, length: 0, operation, whole });
        }
    }

    /// Operation and hash of a line.
    fn head(&self, line: &str) -> Result<(&'static str, u64), String> {
        let head: RecordingHead = serde_json::from_str(line).map_err(|error| format::fault(line, &error))?;
        if head.response.is_none() && head.reply.is_none() {
            return Err("this recording has neither a response nor a reply".into());
        }
        let known = operation(&head.operation, &head.request)?;
        let request = &head.request;
        // As a request that comes: it may have been written by hand.
        Ok((known, hash(&self.matching.of(known, &request.path, &request.query, &request.body))))
    }

    /// The recordings of a request, by its operation and normal form.
    pub(crate) fn find(&self, normal: &Value) -> Option<EqualTakes<'_>> {
        let hash = hash(normal);
        self.equal.get(&hash).map(|takes| EqualTakes { hash, takes })
    }

    /// The recordings of requests that mean the same in another dialect.
    pub(crate) fn find_alike(&self, normal: &Value) -> Option<EqualTakes<'_>> {
        let hash = hash(&meaning::request(normal)?);
        let alike = self.alike.get_or_init(|| {
            let mut alike: HashMap<u64, Vec<u32>> = HashMap::new();
            for number in 0..self.tracks.len() {
                if let Some(hash) =
                    self.normal(number).and_then(|normal| Some(super::normal::hash(&meaning::request(&normal)?)))
                {
                    alike.entry(hash).or_default().push(number as u32);
                }
            }
            alike
        });
        alike.get(&hash).map(|takes| EqualTakes { hash, takes })
    }

    /// One of these recordings.
    ///
    /// # Errors
    /// It is not there any more, or not as it was when it was loaded.
    pub(crate) fn take(&self, takes: &EqualTakes<'_>, number: usize) -> Result<Arc<Recording>, Misread> {
        self.recording(takes.takes[number.min(takes.takes.len() - 1)] as usize)
    }

    /// Bytes of one of these recordings.
    pub(crate) fn size(&self, takes: &EqualTakes<'_>, number: usize) -> usize {
        takes.takes.get(number).map_or(0, |take| self.tracks[*take as usize].length)
    }

    /// Where these recordings are, for people.
    pub(crate) fn places(&self, takes: &EqualTakes<'_>) -> String {
        let tracks = takes.takes.iter().map(|take| &self.tracks[*take as usize]);
        tracks.map(|track| format!("{}:{}", track.file.display(), track.line)).collect::<Vec<_>>().join(", ")
    }

    /// All recordings, with where they are.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Path, usize, Result<Arc<Recording>, Misread>)> {
        self.tracks.iter().enumerate().map(|(number, track)| (&*track.file, track.line, self.recording(number)))
    }

    fn recording(&self, number: usize) -> Result<Arc<Recording>, Misread> {
        let track = &self.tracks[number];
        if let Some(known) = track.whole.get() {
            return Ok(known.clone());
        }
        let misread = |reason: String| Misread { file: track.file.to_path_buf(), line: track.line, reason };
        let changed = |error: std::io::Error| misread(format!("cannot be read any more: {error}"));
        let text = track.text().map_err(changed)?;
        let recording: Recording =
            serde_json::from_str(&text).map_err(|error| misread(format::fault(&text, &error)))?;
        let recording = Arc::new(recording);
        let held = || self.kept.fetch_add(track.length, Ordering::Relaxed) + track.length;
        if track.length <= KEPT && held() <= KEPT_IN_ALL {
            // Whoever reads it at the same time has the same.
            let _ = track.whole.set(recording.clone());
        }
        Ok(recording)
    }

    /// The request of a recording in its normal form; nothing of it is kept.
    fn normal(&self, number: usize) -> Option<Value> {
        let track = &self.tracks[number];
        if let Some(known) = track.whole.get() {
            let request = &known.request;
            return Some(self.matching.of(track.operation, &request.path, &request.query, &request.body));
        }
        let text = track.text().ok()?;
        let request = serde_json::from_str::<RecordingHead>(&text).ok()?.request;
        Some(self.matching.of(track.operation, &request.path, &request.query, &request.body))
    }

    /// Whether there is any recording of an operation.
    pub(crate) fn knows(&self, operation: &str) -> bool {
        self.tracks.iter().any(|track| track.operation == operation)
    }

    /// Why a request has no recording: the nearest one, and where it differs.
    pub(crate) fn miss(&self, normal: &Value) -> String {
        let of_operation = |track: &Track| normal["operation"] == track.operation;
        let candidates = (0..self.tracks.len()).rev().filter(|number| of_operation(&self.tracks[*number]));
        let nearest = candidates
            .take(COMPARED)
            .filter_map(|number| Some((differences(&self.normal(number)?, normal, 64), number)))
            .min_by_key(|(differing, number)| (differing.len(), *number));
        let operation = normal["operation"].as_str().unwrap_or_default();
        match nearest {
            None if self.tracks.is_empty() => "there are no recordings".into(),
            None => format!("none of the {} recordings is of {operation}", self.tracks.len()),
            Some((differing, number)) => {
                let track = &self.tracks[number];
                let shown = differing
                    .iter()
                    .take(3)
                    .map(|(path, recorded, came)| format!("\n  {path}: recorded {recorded}, came {came}"));
                let more = match differing.len() {
                    0..=3 => String::new(),
                    64 => "\n  and in many more places".into(),
                    many => format!("\n  and in {} more", many - 3),
                };
                let place = format!("{}:{}", track.file.display(), track.line);
                format!("the nearest is {place}, which differs in{}{more}", shown.collect::<String>())
            }
        }
    }
}

/// The operation of a recording, by its name, or by the request's path.
fn operation(name: &str, request: &format::RecordedRequest) -> Result<&'static str, String> {
    if let Some(known) = crate::surface::operations::named(name) {
        return Ok(known.name);
    }
    let path = request.path.strip_prefix("/v1").unwrap_or(&request.path);
    match crate::surface::router::find(&request.method, path).name() {
        "" => Err(format!("there is no operation {name:?}, and none of {} {}", request.method, request.path)),
        known => Ok(known),
    }
}
