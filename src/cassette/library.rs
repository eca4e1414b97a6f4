//! What cassettes hold, and the recording of a request.
//!
//! Loading reads every line as far as finding it needs; what a recording answers is read when it does.

use super::format::{self, RecordedRequest, Recording, RecordingHead};
use super::import;
use super::meaning;
use super::normal::{Matching, differences, hash};
use crate::folders::Below;
use bytes::Bytes;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Recordings that a miss is compared with.
const COMPARED: usize = 500;

/// Bytes of files that stay in memory; what is more is read again when it answers.
const KEPT: usize = 64 << 20;

/// Cores that loading a file takes at most, and lines that are worth another.
const CORES: usize = 4;
const SHARE: usize = 200;

/// What a line is found by: operation and hash.
type LineHead = (&'static str, u64);

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
    operation: &'static str,
    text: TrackText,
}

/// A recording's line, or what became of another tool's.
#[derive(Debug)]
enum TrackText {
    Kept(Bytes),
    OnDisk { from: u64, length: usize },
    Foreign(Arc<Recording>),
}

/// A line as it is read.
fn on_disk(file: &Path, from: u64, length: usize) -> std::io::Result<Bytes> {
    let mut line = vec![0; length];
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(&mut line)?;
    Ok(line.into())
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
    /// Bytes of files that may still stay in memory.
    room: usize,
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
        Library::load_keeping(KEPT, paths, matching)
    }

    /// The same with so many bytes of files in memory.
    fn load_keeping(room: usize, paths: &[PathBuf], matching: Matching) -> Self {
        let mut library = Library { matching, room, ..Library::default() };
        let mut files = Vec::new();
        for path in paths {
            match path.is_dir() {
                true => files.extend(library.below(path)),
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

    /// What of a folder's files can be a recording's.
    fn below(&mut self, folder: &Path) -> Vec<PathBuf> {
        let below = Below::of(folder);
        for (folder, error) in below.unreadable {
            self.fault(&folder, 0, format!("this folder cannot be read: {error}"));
        }
        let is_read = |file: &PathBuf| {
            Library::is_own(file) || file.extension().is_some_and(|end| import::ENDINGS.iter().any(|one| end == *one))
        };
        below.files.into_iter().filter(is_read).collect()
    }

    fn fault(&mut self, file: &Path, line: usize, reason: impl Into<String>) {
        self.misread.push(Misread { file: file.into(), line, reason: reason.into() });
    }

    fn read(&mut self, file: &Path) {
        let bytes = match std::fs::read(file) {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) => return self.fault(file, 0, format!("cannot be read: {error}")),
        };
        let place: Arc<Path> = file.into();
        if !Library::is_own(file) {
            return self.import(file, &place, &bytes);
        }
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let first = lines.first().map_or(Ok(""), |line| str::from_utf8(line)).unwrap_or("\u{fffd}");
        match format::is_head(first) {
            Ok(true) => {}
            Ok(false) => {
                let head = format::head();
                return self.fault(file, 1, format!("this is no cassette: its first line is to be {head}"));
            }
            Err(reason) => return self.fault(file, 1, reason),
        }
        let is_kept = bytes.len() <= self.room;
        self.room -= if is_kept { bytes.len() } else { 0 };
        let mut from = 0;
        for (index, (line, head)) in lines.iter().zip(self.heads(&lines)).enumerate() {
            let start = from;
            from += line.len() + 1;
            match head {
                None => {}
                Some(Ok((operation, hash))) => {
                    let text = match is_kept {
                        true => TrackText::Kept(bytes.slice(start..start + line.len())),
                        false => TrackText::OnDisk { from: start as u64, length: line.len() },
                    };
                    self.add(hash, Track { file: place.clone(), line: index + 1, operation, text });
                }
                Some(Err(reason)) => self.fault(file, index + 1, reason),
            }
        }
    }

    fn add(&mut self, hash: u64, track: Track) {
        self.equal.entry(hash).or_default().push(self.tracks.len() as u32);
        self.tracks.push(track);
    }

    /// The heads of a file's lines; the first, and blank ones, have none. Many are shared among the processor's cores:
    /// whoever starts waits for them.
    fn heads(&self, lines: &[&[u8]]) -> Vec<Option<Result<LineHead, String>>> {
        let head = |line: &&[u8]| (!line.trim_ascii().is_empty()).then(|| self.head(line));
        let rest = lines.get(1..).unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(CORES);
        let share = rest.len().div_ceil(cores).max(SHARE);
        std::thread::scope(|scope| {
            let (own, others) = rest.split_at(rest.len().min(share));
            let others: Vec<_> = others
                .chunks(share)
                .map(|lines| scope.spawn(move || lines.iter().map(head).collect::<Vec<_>>()))
                .collect();
            let mut heads: Vec<_> = std::iter::once(None).chain(own.iter().map(head)).collect();
            for other in others {
                heads.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            heads
        })
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
            let body = Cow::Borrowed(&request.body);
            let hash = hash(&self.matching.of(operation, &request.path, &request.query, body));
            let text = TrackText::Foreign(Arc::new(recording));
            self.add(hash, Track { file: place.clone(), line: index + 1, operation, text });
        }
    }

    /// Operation and hash of a line.
    fn head(&self, line: &[u8]) -> Result<LineHead, String> {
        let line = str::from_utf8(line).map_err(|_| "this is no text in UTF-8")?;
        let head: RecordingHead = serde_json::from_str(line).map_err(|error| format::fault(line, &error))?;
        if head.response.is_none() && head.reply.is_none() {
            return Err("this recording has neither a response nor a reply".into());
        }
        let known = operation(&head.operation, &head.request)?;
        let RecordedRequest { path, query, body, .. } = head.request;
        // As a request that comes: it may have been written by hand.
        Ok((known, hash(&self.matching.of(known, &path, &query, Cow::Owned(body)))))
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
        takes.takes.get(number).map_or(0, |take| match &self.tracks[*take as usize].text {
            TrackText::Kept(line) => line.len(),
            TrackText::OnDisk { length, .. } => *length,
            TrackText::Foreign(_) => 0,
        })
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
        let misread = |reason: String| Misread { file: track.file.to_path_buf(), line: track.line, reason };
        let line = match &track.text {
            TrackText::Foreign(recording) => return Ok(recording.clone()),
            TrackText::Kept(line) => line.clone(),
            TrackText::OnDisk { from, length } => on_disk(&track.file, *from, *length)
                .map_err(|error| misread(format!("cannot be read any more: {error}")))?,
        };
        let read = serde_json::from_slice::<Recording>(&line);
        read.map(Arc::new).map_err(|error| misread(format::fault(&String::from_utf8_lossy(&line), &error)))
    }

    /// The request of a recording in its normal form.
    fn normal(&self, number: usize) -> Option<Value> {
        let track = &self.tracks[number];
        let of = |request: &RecordedRequest, body| {
            Some(self.matching.of(track.operation, &request.path, &request.query, body))
        };
        let line = match &track.text {
            TrackText::Foreign(recording) => return of(&recording.request, Cow::Borrowed(&recording.request.body)),
            TrackText::Kept(line) => line.clone(),
            TrackText::OnDisk { from, length } => on_disk(&track.file, *from, *length).ok()?,
        };
        let mut request = serde_json::from_slice::<RecordingHead>(&line).ok()?.request;
        let body = request.body.take();
        of(&request, Cow::Owned(body))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PATH: &str = "/v1/chat/completions";

    fn asked(number: usize) -> Value {
        json!({"model": "gpt-4o", "messages": [{"role": "user", "content": format!("ask {number}")}]})
    }

    fn line(number: usize) -> String {
        json!({"operation": "chat.completions.create", "request": {"method": "POST", "path": PATH, "body": asked(number)},
            "response": {"status": 200, "chunks": [[0, format!("said {number}")], [1, {"base64": "/w=="}]]}})
        .to_string()
    }

    #[test]
    fn many_lines_are_found_and_counted_as_if_one_core_had_read_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("many.jsonl");
        let mut lines = vec![format::head()];
        lines.extend((0..SHARE * 3).map(|number| line(number % (SHARE * 2))));
        lines[SHARE + 5] = "{\"cut".into();
        lines[SHARE + 6] = String::new();
        std::fs::write(&file, lines.join("\n")).expect("written");
        // In memory, and read from the disk each time.
        for room in [KEPT, 0] {
            let library = Library::load_keeping(room, std::slice::from_ref(&file), Matching::default());
            assert_eq!(library.len(), SHARE * 3 - 2);
            let misread: Vec<usize> = library.misread().iter().map(|one| one.line).collect();
            assert_eq!(misread, [SHARE + 6]);
            let of =
                |number: usize| library.matching.of("chat.completions.create", PATH, "", Cow::Owned(asked(number)));
            for number in [0, 1, SHARE - 1, SHARE, SHARE * 2 - 1] {
                let takes = library.find(&of(number)).expect("it is there");
                let twice = number < SHARE;
                assert_eq!(takes.count(), 1 + usize::from(twice), "{number}");
                let again =
                    if twice { format!(", {}:{}", file.display(), number + 2 + SHARE * 2) } else { String::new() };
                assert_eq!(library.places(&takes), format!("{}:{}{again}", file.display(), number + 2));
                let recording = library.take(&takes, 0).expect("it is read");
                let body = recording.response.as_ref().map(format::RecordedResponse::body).unwrap_or_default();
                assert_eq!(body, [format!("said {number}").as_bytes(), &[0xff]].concat(), "{number}");
            }
            assert!(library.miss(&of(SHARE * 2)).contains("which differs in"));
        }
        let library = Library::load_keeping(0, std::slice::from_ref(&file), Matching::default());
        std::fs::remove_file(&file).expect("removed");
        assert!(library.all().all(|(.., read)| read.is_err_and(|why| why.reason.contains("cannot be read any more"))));
    }
}
