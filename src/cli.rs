//! The command line, one definition for `npx llemulator` and the stand-alone binary.

use crate::emulator::Emulator;
use crate::options::{Door, LogLevel, Options};
use crate::reply::json::{self, Origin};
use crate::runtime;
use clap::{CommandFactory, FromArgMatches, Parser};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

/// The OpenAI API on your own machine, for tests.
#[derive(Debug, Parser)]
#[command(name = "llemulator", version, about)]
struct Cli {
    #[command(flatten)]
    options: Options,
    /// Probe the emulator that runs on this port: exit code 0 = healthy, 1 = not
    #[arg(long)]
    healthcheck: bool,
}

/// Runs the command line until its end; gives the exit code.
pub fn run(arguments: Vec<String>) -> i32 {
    let arguments = std::iter::once("llemulator".to_string()).chain(arguments);
    let parsed = Cli::command().try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are "errors" too, with exit code 0 and their text on stdout.
            let _ = error.print();
            return error.exit_code();
        }
    };
    if cli.healthcheck {
        return healthcheck(&cli.options);
    }
    match serve(cli.options) {
        Ok(()) => 0,
        Err(message) => {
            eprintln!("llemulator: {message}");
            1
        }
    }
}

/// Serves until a signal.
fn serve(options: Options) -> Result<(), String> {
    let scripts = options.script.clone();
    let mut loads = Vec::new();
    for path in &scripts {
        loads.push(read_script(path)?);
    }
    let emulator = Emulator::start(options, Door::CommandLine, None).map_err(|error| error.message)?;
    for load in loads {
        emulator.load_shared(load);
    }
    announce(&emulator);
    runtime::handle().block_on(async {
        signal().await;
        emulator.stop().await;
    });
    Ok(())
}

/// A script file; the message names file, JSON path and reason.
fn read_script(path: &Path) -> Result<json::Load, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    json::load(&text, Origin::Http).map_err(|error| format!("{}: {}: {}", path.display(), error.path, error.message))
}

/// The first lines on stdout.
fn announce(emulator: &Emulator) {
    let url = emulator.url();
    let mut text = format!("LLEmulator listening on {url}\n");
    if emulator.settings.log_level == LogLevel::Info {
        text += &format!("  SDKs: base URL {url}/v1, any API key (each key is a session of its own)\n");
        text += &format!("  shell: export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=test\n");
    }
    let mut out = std::io::stdout().lock();
    // A closed stdout is no reason not to serve.
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Completes at SIGINT or SIGTERM (Ctrl-C on Windows).
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Asks `/healthz` of a running emulator.
fn healthcheck(options: &Options) -> i32 {
    let host = match options.host.as_deref() {
        None | Some("0.0.0.0") => "127.0.0.1",
        Some("::") => "::1",
        Some(host) => host,
    };
    let healthy = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((host, options.port.unwrap_or(8080)))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 200"))
    };
    match healthy() {
        Ok(true) => 0,
        Ok(false) => {
            eprintln!("llemulator: the server answers, but is not healthy");
            1
        }
        Err(error) => {
            eprintln!("llemulator: no emulator on port {}: {error}", options.port.unwrap_or(8080));
            1
        }
    }
}
