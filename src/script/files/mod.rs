//! Script files: JSON or YAML, folders of them, files that extend others, and what is wrong with them, by line and
//! column.

pub(crate) mod aimock;
mod faults;
pub(crate) mod located;

use crate::script;
use crate::script::Load;
use crate::script::Origin;
use crate::script::Rule;
use crate::script::ScriptError;
use crate::sorting;
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use aimock::convert_aimock;
pub(crate) use aimock::convert_aimock_files;

/// What is wrong with a script file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileError {
    pub file: PathBuf,
    /// From 1; 0 = not about a place in the file.
    pub line: usize,
    /// In characters, from 1; 0 = not about a place in the file.
    pub column: usize,
    /// JSON path, e.g. `responses[2].times`; empty = the whole.
    pub path: String,
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.file.display())?;
        if self.line > 0 {
            write!(out, ":{}:{}", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(out, ": {}", self.path)?;
        }
        write!(out, ": {}", self.message)
    }
}

impl FileError {
    fn about(file: &Path, message: impl Into<String>) -> Self {
        FileError { file: file.into(), line: 0, column: 0, path: String::new(), message: message.into() }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The file does not load.
    Error,
    /// It loads, but hardly does what its author thinks.
    Warning,
}

/// Reads a script file, or every script file of a folder by name, with all they extend.
pub(crate) fn read(path: &Path) -> Result<Load, FileError> {
    let mut load = Load::default();
    read_into(path, &mut Vec::new(), &mut load)?;
    Ok(load)
}

/// Checks files and folders without running them. As when they are loaded, the files of a folder are one script.
pub(crate) fn validate(paths: &[PathBuf]) -> Vec<(Severity, FileError)> {
    let mut findings: Vec<_> = skipped(paths).into_iter().map(|skipped| (Severity::Warning, skipped)).collect();
    let mut known = Vec::new();
    for path in paths {
        match files(path) {
            Ok(files) => {
                let mut above = Vec::new();
                for file in &files {
                    let own = faults_of(file, &mut known);
                    match own.is_empty() {
                        true => validate_file(file, &mut above, &mut findings),
                        false => findings.extend(own.into_iter().map(|fault| (Severity::Error, fault))),
                    }
                }
            }
            Err(error) => findings.push((Severity::Error, error)),
        }
    }
    findings
}

/// All faults of a file and of those it extends, but for those in `known`, which were told of.
fn faults_of(file: &Path, known: &mut Vec<PathBuf>) -> Vec<FileError> {
    let mut involved = Vec::new();
    involve(file.into(), &mut involved);
    let mut faults = Vec::new();
    for file in involved.iter().filter(|file| !file.is_dir()) {
        let identity = file.canonicalize().unwrap_or_else(|_| file.clone());
        if known.contains(&identity) {
            continue;
        }
        known.push(identity);
        match SourceFile::read(file) {
            Ok(source) => faults.extend(source.faults()),
            Err(error) => faults.push(error),
        }
    }
    faults
}

/// `above` = the rules of the files before it; its own are added.
fn validate_file(file: &Path, above: &mut Vec<Arc<Rule>>, findings: &mut Vec<(Severity, FileError)>) {
    let warnings = read(file).and_then(|whole| {
        let source = SourceFile::read(file)?;
        let own = source.load()?.rules;
        let (bases, last) = whole.rules.split_at(whole.rules.len() - own.len());
        above.extend_from_slice(bases);
        let doubts = script::lint(&source.value, above, &own).into_iter();
        above.extend_from_slice(last);
        Ok(doubts.map(|(path, message)| source.error(ScriptError { path, message })).collect::<Vec<_>>())
    });
    match warnings {
        Ok(warnings) => findings.extend(warnings.into_iter().map(|warning| (Severity::Warning, warning))),
        Err(error) if findings.iter().any(|(_, told)| *told == error) => {}
        Err(error) => findings.push((Severity::Error, error)),
    }
}

/// Every folder and file that these scripts are made of, also those that cannot be read just now.
pub(crate) fn involved(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    paths.iter().for_each(|path| involve(path.clone(), &mut found));
    found
}

fn involve(path: PathBuf, found: &mut Vec<PathBuf>) {
    if found.contains(&path) {
        return;
    }
    found.push(path.clone());
    if path.is_dir() {
        files(&path).into_iter().flatten().for_each(|file| involve(file, found));
    } else if let Ok(source) = SourceFile::read(&path) {
        source.bases().for_each(|base| involve(base, found));
    }
}

/// The file itself, or a folder's script files by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let files: Vec<PathBuf> = entries(path)?.into_iter().filter(|entry| is_script(entry)).collect();
    match files.is_empty() {
        true => Err(FileError::about(path, "this folder holds no .json, .yaml or .yml file")),
        false => Ok(files),
    }
}

/// What a folder holds, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let unreadable = |error: std::io::Error| FileError::about(folder, format!("cannot be read: {error}"));
    let found = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut entries =
        found.map(|entry| Ok(entry.map_err(unreadable)?.path())).collect::<Result<Vec<_>, FileError>>()?;
    sorting::by(&mut entries, Ord::cmp);
    Ok(entries)
}

fn is_script(file: &Path) -> bool {
    file.is_file() && file.extension().is_some_and(|end| end == "json" || end == "yaml" || end == "yml")
}

/// What folders among these paths hold beside script files and hidden ones, as a warning for each folder: a script put
/// one folder too deep must not be missed in silence.
pub(crate) fn skipped(paths: &[PathBuf]) -> Vec<FileError> {
    let hidden = |entry: &Path| entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let skips = |folder: &PathBuf| {
        let skipped: Vec<String> = entries(folder)
            .unwrap_or_default()
            .iter()
            .filter(|entry| !is_script(entry) && !hidden(entry))
            .map(|entry| {
                let name = entry.file_name().unwrap_or_default().to_string_lossy();
                if entry.is_dir() { format!("{name}/") } else { name.into_owned() }
            })
            .collect();
        let what = "not read: script files end in .json, .yaml or .yml and stand in the folder itself";
        (!skipped.is_empty()).then(|| FileError::about(folder, format!("{} {what}", skipped.join(", "))))
    };
    paths.iter().filter(|path| path.is_dir()).filter_map(skips).collect()
}

/// `within` = the files that extend this one.
fn read_into(path: &Path, within: &mut Vec<PathBuf>, load: &mut Load) -> Result<(), FileError> {
    for file in files(path)? {
        let source = SourceFile::read(&file)?;
        let mut own = source.load()?;
        for rule in &mut own.rules {
            // With several files a path alone does not say which rule is meant.
            if let (Some(rule), Some(name)) = (Arc::get_mut(rule), file.file_name()) {
                rule.path = format!("{} {}", name.to_string_lossy(), rule.path).into();
            }
        }
        let identity = file.canonicalize().unwrap_or_else(|_| file.clone());
        if within.contains(&identity) {
            return Err(FileError::about(&file, "extends itself, by way of the files it extends"));
        }
        within.push(identity);
        for base in source.bases() {
            read_into(&base, within, load)?;
        }
        within.pop();
        load.append(own);
    }
    Ok(())
}

/// A file's text and what it says.
pub(crate) struct SourceFile {
    file: PathBuf,
    text: String,
    value: Value,
}

/// The text of a file, without the mark that some editors of Windows put before it.
pub(crate) fn text_of(file: &Path) -> std::io::Result<String> {
    let text = std::fs::read_to_string(file)?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}

impl SourceFile {
    fn read(file: &Path) -> Result<SourceFile, FileError> {
        let text = text_of(file).map_err(|error| FileError::about(file, format!("cannot be read: {error}")))?;
        SourceFile::of(file, text)
    }

    /// A file with this text; its name says how it is written.
    pub(crate) fn of(file: &Path, text: String) -> Result<SourceFile, FileError> {
        let yaml = file.extension().is_some_and(|end| end == "yaml" || end == "yml");
        let mut source = SourceFile { file: file.into(), text, value: Value::Null };
        source.value = match yaml {
            false => script::parse(&source.text).map_err(|broken| {
                let script::Broken { error: ScriptError { path, message }, line, column } = broken;
                FileError { file: file.into(), line, column, path, message }
            })?,
            true => located::parse(&source.text).map_err(|(line, column, message)| FileError {
                line,
                column,
                ..FileError::about(file, message)
            })?,
        };
        Ok(source)
    }

    pub(crate) fn load(&self) -> Result<Load, FileError> {
        script::load_value(self.value.clone(), Origin::File).map_err(|error| self.error(error))
    }

    /// All its faults.
    pub(crate) fn faults(&self) -> Vec<FileError> {
        faults::all(&self.value).into_iter().map(|fault| self.error(fault)).collect()
    }

    /// What it says.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    /// The files it extends.
    fn bases(&self) -> impl Iterator<Item = PathBuf> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let named = match &self.value["extends"] {
            Value::Array(files) => files.as_slice(),
            file => std::slice::from_ref(file),
        };
        named.iter().filter_map(Value::as_str).map(move |base| folder.join(base))
    }

    /// A script error with its place in the file.
    fn error(&self, error: ScriptError) -> FileError {
        let (line, column) = located::position(&self.text, &error.path);
        FileError { file: self.file.clone(), line, column, path: error.path, message: error.message }
    }
}

#[cfg(test)]
mod tests;
