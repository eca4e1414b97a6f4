//! What an emulator plays and where it records: for all its sessions by options, for one by name.

use super::format::{self, ENDING};
use super::library::Library;
use super::normal::Matching;
use super::recorder::{RecordJob, write_all};
use super::redaction::Redaction;
use crate::clock;
use crate::log;
use crate::options::{LogLevel, RecordMode, Settings};
use crate::script::{self, Load, Origin};
use crate::session::Session;
use serde_json::json;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// What a client has got is recorded soon after.
const MOMENT: Duration = Duration::from_secs(2);

/// All tapes of an emulator.
pub(crate) struct Cassettes {
    pub(crate) matching: Matching,
    /// How fast recordings play: 1 = as they came, 0 = at once.
    pub(crate) speed: f64,
    /// In CI nothing is recorded.
    records: bool,
    quiet: bool,
    common: Option<Arc<Tape>>,
    /// By session key.
    own: RwLock<HashMap<String, Arc<Tape>>>,
    /// To the thread that writes, once there is one.
    jobs: Mutex<Option<mpsc::Sender<RecordJob>>>,
    /// Fixtures among the files, for sessions without a script of their own.
    fixtures: Option<Load>,
    /// Answers that are being recorded.
    running: Mutex<usize>,
    ended: Condvar,
}

/// What is played, and where what is missing is recorded.
pub(crate) struct Tape {
    pub(crate) library: Library,
    /// `None` = it only plays.
    pub(crate) mode: Option<RecordMode>,
    /// Somebody wants what is missing recorded; in CI it is refused.
    wants: bool,
    /// No time stamps go into it: it has a test's name, and stands beside it.
    pub(crate) named: bool,
    out: Mutex<TapeFile>,
}

/// Where recordings go.
struct TapeFile {
    place: PathBuf,
    file: Option<File>,
}

impl Cassettes {
    /// As the settings say; loads what there is.
    ///
    /// # Errors
    /// A pattern is none, or a folder of cassettes is not there.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        let redaction = Redaction::new(&settings.redact)?;
        let matching = Matching::new(redaction, &settings.replay_ignore)?;
        let records = !settings.ci;
        let mut cassettes = Cassettes {
            matching,
            speed: settings.replay_speed,
            records,
            quiet: settings.log_level == LogLevel::Error,
            common: None,
            own: RwLock::default(),
            jobs: Mutex::default(),
            fixtures: None,
            running: Mutex::default(),
            ended: Condvar::new(),
        };
        let record = settings.record.clone();
        if !settings.cassettes.is_empty() || record.is_some() {
            if let Some(gone) = settings.cassettes.iter().find(|path| !path.exists()) {
                return Err(format!("options: cassettes: there is no file or folder {}", gone.display()));
            }
            let mode = record.as_ref().map(|_| settings.record_mode);
            if record.is_some() && !records {
                cassettes.say("CI is set: nothing is recorded, and what is missing is refused (--ci false records)");
            }
            let mut paths = settings.cassettes.clone();
            if let Some(folder) =
                record.as_ref().filter(|folder| folder.exists() && !settings.cassettes.contains(folder))
            {
                paths.push(folder.clone());
            }
            let place = record.unwrap_or_default();
            let tape = cassettes.tape(&paths, place, mode, false);
            cassettes.fixtures = script_of(&tape.library)?;
            cassettes.common = Some(Arc::new(tape));
        }
        Ok(cassettes)
    }

    fn tape(&self, paths: &[PathBuf], place: PathBuf, wanted: Option<RecordMode>, named: bool) -> Tape {
        let mode = wanted.filter(|_| self.records);
        // What is recorded anew is not asked.
        let paths = if mode == Some(RecordMode::All) { &[][..] } else { paths };
        let library = Library::load(paths, self.matching.clone());
        for misread in library.misread() {
            self.say(&misread.to_string());
        }
        Tape { library, mode, wants: wanted.is_some(), named, out: Mutex::new(TapeFile { place, file: None }) }
    }

    fn say(&self, message: &str) {
        if !self.quiet {
            log::warn(message);
        }
    }

    /// A session plays a file of its own from now on, and records there what is missing.
    ///
    /// # Errors
    /// It is to be recorded into, and is no cassette.
    pub(crate) fn insert(&self, key: &str, file: &Path, mode: Option<RecordMode>) -> Result<Arc<Tape>, String> {
        if let Some(mode) = mode {
            check_recordable(file, mode)?;
        }
        let paths: &[PathBuf] = if file.exists() { &[file.to_path_buf()] } else { &[] };
        let tape = Arc::new(self.tape(paths, file.to_path_buf(), mode, true));
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        own.insert(key.to_string(), tape.clone());
        Ok(tape)
    }

    /// The tape of a session alone.
    pub(crate) fn own(&self, session: &Session) -> Option<Arc<Tape>> {
        self.own.read().unwrap_or_else(PoisonError::into_inner).get(&session.key).cloned()
    }

    /// The tape that a session plays.
    pub(crate) fn of(&self, session: &Session) -> Option<Arc<Tape>> {
        self.own(session).or_else(|| self.common.clone())
    }

    /// Whether there are fixtures among the files.
    pub(crate) fn has_fixtures(&self) -> bool {
        self.fixtures.is_some()
    }

    /// A script that is loaded anew, and the fixtures behind it: they are files of the emulator, as recordings are.
    pub(crate) fn with_fixtures(&self, load: Load) -> Load {
        let Some(fixtures) = &self.fixtures else { return load };
        let mut whole = Load { rules: Vec::new(), ..fixtures.clone() };
        whole.append(load);
        whole.rules.extend(fixtures.rules.iter().cloned());
        whole
    }

    /// Hands something to the thread that writes.
    pub(super) fn write(&self, job: RecordJob) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = jobs.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel();
            let redaction = self.matching.redaction.clone();
            let matching = self.matching.clone();
            std::thread::spawn(move || write_all(&receiver, &redaction, &matching));
            sender
        });
        // The thread ends with the last sender alone.
        let _ = sender.send(job);
    }

    /// An answer begins to be recorded, or is at its end.
    pub(super) fn count(&self, begins: bool) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running = if begins { *running + 1 } else { running.saturating_sub(1) };
        self.ended.notify_all();
    }

    /// Whether anything is being recorded, or was.
    pub(crate) fn writes(&self) -> bool {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) > 0
            || self.jobs.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Waits until all that was recorded so far is written; for answers that do not end only a moment.
    pub(crate) fn flush(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.ended.wait_timeout_while(running, MOMENT, |running| *running > 0));
        let sender = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (done, written) = mpsc::channel();
        if sender.is_some_and(|sender| sender.send(RecordJob::Flush(done)).is_ok()) {
            let _ = written.recv();
        }
    }
}

/// Refuses to write into a file that is somebody else's, or that nobody could play afterwards.
fn check_recordable(file: &Path, mode: RecordMode) -> Result<(), String> {
    let refused = |why: &str| Err(format!("cassette(): nothing is recorded into {}: {why}", file.display()));
    if !Library::is_own(file) {
        return refused("the name of a cassette ends in .jsonl");
    }
    let mut first = String::new();
    let Ok(opened) = File::open(file) else { return Ok(()) };
    // A first line of ours is short.
    let read = BufReader::new(opened.take(FIRST_LINE)).read_line(&mut first);
    match format::is_head(&first) {
        Ok(true) => Ok(()),
        Ok(false) if read.as_ref().is_ok_and(|length| *length == 0) => Ok(()),
        Ok(false) => refused("it is no cassette; name a new file, or delete this one"),
        // What is recorded anew may be of any version.
        Err(_) if mode == RecordMode::All => Ok(()),
        Err(reason) => refused(&reason),
    }
}

/// Bytes within which a cassette's first line ends.
const FIRST_LINE: u64 = 64 * 1024;

/// Fixtures as one script; what none of them answers is looked for among the recordings.
fn script_of(library: &Library) -> Result<Option<Load>, String> {
    let mut all: Option<Load> = None;
    for script in library.scripts() {
        let mut script = script.clone();
        script["defaults"] = json!({"fallback": "replay"});
        let load = script::load_value(script, Origin::File).map_err(|error| error.to_string())?;
        match &mut all {
            Some(all) => all.append(load),
            None => all = Some(load),
        }
    }
    Ok(all)
}

impl Tape {
    /// Whether somebody wants what is missing recorded.
    pub(crate) fn wants(&self) -> bool {
        self.wants
    }

    /// Whether what would go upstream is looked for here first.
    pub(crate) fn remembers(&self) -> bool {
        self.wants && self.mode != Some(RecordMode::All)
    }

    /// Writes lines, the first of a file before them. Every process has a file of its own in a folder.
    pub(super) fn append(&self, line: &str) -> Result<(), String> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |place: &Path, error: std::io::Error| format!("{} cannot be written: {error}", place.display());
        if out.file.is_none() {
            let (file, fresh) = out.open(self.named, self.mode).map_err(|error| failed(&out.place, error))?;
            out.file = Some(file);
            if fresh {
                out.line(&format::head()).map_err(|error| failed(&out.place, error))?;
            }
        }
        out.line(line).map_err(|error| failed(&out.place, error))
    }
}

impl TapeFile {
    /// The file, and whether it is new.
    fn open(&self, named: bool, mode: Option<RecordMode>) -> std::io::Result<(File, bool)> {
        if named {
            if let Some(folder) = self.place.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let is_empty = std::fs::metadata(&self.place).map_or(true, |file| file.len() == 0);
            let anew = mode == Some(RecordMode::All) || is_empty;
            let mut options = OpenOptions::new();
            let options = if anew { options.write(true).truncate(true) } else { options.append(true) };
            return Ok((options.create(true).open(&self.place)?, anew));
        }
        std::fs::create_dir_all(&self.place)?;
        // In the order of their names they are in the order of time.
        let time = clock::timestamp(clock::world()).replace([':', '.'], "-");
        let mut number = 0;
        loop {
            let name = format!("{time}-{}-{number}.{ENDING}", std::process::id());
            match OpenOptions::new().write(true).create_new(true).open(self.place.join(name)) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && number < 1000 => number += 1,
                other => return Ok((other?, true)),
            }
        }
    }

    fn line(&mut self, line: &str) -> std::io::Result<()> {
        match &mut self.file {
            // In one piece: whoever reads it meanwhile finds whole lines.
            Some(file) => file.write_all(format!("{line}\n").as_bytes()),
            None => Ok(()),
        }
    }
}
