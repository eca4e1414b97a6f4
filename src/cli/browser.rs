//! `--open`: the control room in the browser of whoever starts the emulator.

use crate::log;
use std::process::{Command, Stdio};

/// What opens an address on this system, with its arguments before the address.
const PROGRAM: &[&str] = if cfg!(target_os = "macos") {
    &["open"]
} else if cfg!(windows) {
    &["rundll32", "url.dll,FileProtocolHandler"]
} else {
    &["xdg-open"]
};

/// Opens an address; says so when this system has nothing that does.
pub(super) fn open(url: &str) {
    let started = Command::new(PROGRAM[0])
        .args(&PROGRAM[1..])
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        // Waited for aside: it may stay as long as the browser does.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => {
            log::warn(&format!("--open: {} could not be started ({error}). The page is at {url}/", PROGRAM[0]));
        }
    }
}
