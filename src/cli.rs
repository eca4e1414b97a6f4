//! The command line, one definition for `npx llemulator` and the stand-alone binary.

mod browser;
mod cassettes;
mod drift;
mod help;
mod local;
mod operations;
mod parent;

use self::parent::Parent;
use crate::clock;
use crate::emulator::Emulator;
use crate::log;
use crate::options::{Door, LogFormat, LogLevel, Options};
use crate::runtime;
use crate::script::Load;
use crate::script::files;
use crate::script::files::Severity;
use crate::telemetry;
use crate::tokens::Encoding;
use base64::prelude::{BASE64_STANDARD, Engine};
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The OpenAI API on your own machine, for tests.
#[derive(Debug, Parser)]
#[command(name = "llemulator", version, about, disable_help_flag = true, disable_help_subcommand = true)]
struct Cli {
    /// Print help; with --all every option
    #[arg(short, long, action = ArgAction::HelpShort, global = true)]
    help: Option<bool>,
    /// With --help: every option, its values and its variable
    #[arg(long, requires = "help")]
    all: bool,
    /// Probe the emulator that runs on this port: exit code 0 = healthy, 1 = not
    #[arg(long)]
    healthcheck: bool,
    /// Open the control room in the browser
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    local: local::Local,
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
enum Command {
    /// Check script files without running them: faults (exit code 1) and doubts, by line and column
    Validate {
        /// Script files and folders
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// List every operation of the OpenAI API, how far it is served, and a test that calls it
    Operations(operations::OperationsOptions),
    /// Compare the clients a project has installed, or its recordings, with what is known here: exit code 4 = requests
    /// would be refused, 3 = answers lack something, 0 = neither
    Drift(drift::DriftOptions),
    /// Turn another tool's fixtures into a script, on stdout
    Convert {
        /// The other tool
        from: From,
        /// A file, or a folder whose files become one script
        file: PathBuf,
    },
    /// Recordings: list, show, prune, convert, check
    #[command(subcommand)]
    Cassettes(cassettes::CassettesCommand),
    /// Print the compiled-in vocabulary as OpenAI publishes it: for comparing with `tiktoken`, also without a network
    #[command(hide = true)]
    Vocabulary { name: BuiltIn },
}

/// Tools whose fixtures can be converted.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum From {
    Aimock,
}

/// The compiled-in vocabularies, by OpenAI's names.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum BuiltIn {
    O200kBase,
    Cl100kBase,
}

/// An option as Go's programs write them, `-stream_delay_min_ms=50`, as ours are written. Left as it is, `-healthcheck`
/// would be `-h`, and whoever probes with it would find everything healthy.
fn spelled(command: &clap::Command, argument: String) -> String {
    let Some(word) = argument.strip_prefix('-').filter(|word| word.len() > 1 && word.starts_with(char::is_alphabetic))
    else {
        return argument;
    };
    let (name, value) = word.split_at(word.find('=').unwrap_or(word.len()));
    let name = name.replace('_', "-");
    let known = command.get_arguments().any(|one| one.get_long() == Some(name.as_str()));
    // What is none is told as such.
    if known || word.starts_with(['h', 'V']) { format!("--{name}{value}") } else { argument }
}

/// Runs the command line until its end; gives the exit code.
pub fn run(arguments: Vec<String>) -> i32 {
    let command = Cli::command();
    let arguments: Vec<String> = arguments.into_iter().map(|argument| spelled(&command, argument)).collect();
    let command = help::arrange(command, &arguments);
    let arguments = std::iter::once("llemulator".to_string()).chain(arguments);
    let parsed = command.try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
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
    let done = match cli.command {
        Some(Command::Validate { files }) => return validate(&files),
        Some(Command::Operations(options)) => {
            print(&operations::run(&options));
            return 0;
        }
        Some(Command::Drift(options)) => match drift::run(&options) {
            Ok((report, code)) => {
                print(&report);
                return code;
            }
            Err(message) => Err(message),
        },
        Some(Command::Convert { from: From::Aimock, file }) => convert(&file),
        Some(Command::Cassettes(command)) => return cassettes::run(command, cli.options),
        Some(Command::Vocabulary { name }) => vocabulary(name),
        None => match cli.local.refusal() {
            Some(refusal) => {
                complain(&refusal);
                return 2;
            }
            None => serve(cli.options, cli.open),
        },
    };
    match done {
        Ok(()) => 0,
        Err(message) => {
            complain(&message);
            1
        }
    }
}

/// Prints what is wrong with script files.
fn validate(files: &[PathBuf]) -> i32 {
    let findings = files::validate(files);
    for (severity, finding) in &findings {
        let word = if *severity == Severity::Error { "error" } else { "warning" };
        print(&format!("{word}: {finding}\n"));
    }
    let faults = findings.iter().filter(|(severity, _)| *severity == Severity::Error).count();
    let number = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    print(&format!("{}, {}\n", number(faults, "fault"), number(findings.len() - faults, "doubt")));
    i32::from(faults > 0)
}

/// Prints another tool's fixtures as a script.
fn convert(file: &Path) -> Result<(), String> {
    let (script, skipped) = files::convert_aimock_files(file).map_err(|error| error.to_string())?;
    for file in skipped {
        complain(&format!("{}: skipped: fixture files end in .json", file.display()));
    }
    print(&format!("{script:#}\n"));
    Ok(())
}

/// Prints a vocabulary: a line a token, its bytes in base64 and its rank.
fn vocabulary(name: BuiltIn) -> Result<(), String> {
    let encoding = match name {
        BuiltIn::O200kBase => Encoding::O200k,
        BuiltIn::Cl100kBase => Encoding::Cl100k,
    };
    let tokens = (0..).map_while(|rank| Some((rank, encoding.token(rank)?)));
    let text: String = tokens.map(|(rank, token)| format!("{} {rank}\n", BASE64_STANDARD.encode(token))).collect();
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string())
}

/// Serves until a signal.
fn serve(options: Options, open: bool) -> Result<(), String> {
    // Before anybody can know that it runs, and end whoever started it.
    let parent = Parent::now();
    log::panics();
    if options.log_format == Some(LogFormat::Json) {
        log::in_json();
    }
    let (scripts, watch, exit_with_parent) = (options.script.clone(), options.watch, options.exit_with_parent);
    // A bad file stops the start, before anything listens.
    let load = read_scripts(&scripts)?;
    for skipped in files::skipped(&scripts) {
        log::warn(&skipped.to_string());
    }
    let emulator = crate::server::start(options, Door::CommandLine, None).map_err(|error| error.message)?;
    if let Some(load) = load {
        emulator.load_files(load);
    }
    runtime::handle().block_on(async {
        // Before anybody can know that it runs, and end it.
        let signal = signal();
        announce(&emulator);
        if open {
            browser::open(&emulator.url());
        }
        if watch {
            runtime::spawn(reload(emulator.clone(), scripts));
        }
        tokio::select! {
            () = signal => {}
            () = parent.gone(), if exit_with_parent => {}
        }
        emulator.stop().await;
    });
    telemetry::flush();
    log::flush();
    Ok(())
}

/// All script files as one script; `None` when there are none. The message names file, place, JSON path and reason.
fn read_scripts(paths: &[PathBuf]) -> Result<Option<Load>, String> {
    let mut all: Option<Load> = None;
    for path in paths {
        let load = files::read(path).map_err(|error| error.to_string())?;
        match &mut all {
            Some(all) => all.append(load),
            None => all = Some(load),
        }
    }
    Ok(all)
}

/// Loads script files again when they change. Rules that stay as they were keep their counters; a bad file is reported
/// and what was loaded stays.
async fn reload(emulator: Arc<Emulator>, paths: Vec<PathBuf>) {
    let mut involved = files::involved(&paths);
    let mut before = stamps(&involved);
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    loop {
        ticks.tick().await;
        if stamps(&involved) == before {
            continue;
        }
        // Before they are read: what changes meanwhile is seen at the next tick.
        involved = files::involved(&paths);
        before = stamps(&involved);
        match read_scripts(&paths) {
            Ok(load) => {
                let load = load.unwrap_or_default();
                log::warn(&format!("scripts loaded again, {} rules", load.rules.len()));
                emulator.reload_files(load);
            }
            Err(message) => log::warn(&format!("{message}; the script loaded before stays")),
        }
    }
}

/// When each was changed, and its size; `None` = it is not there.
fn stamps(paths: &[PathBuf]) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |path: &PathBuf| std::fs::metadata(path).and_then(|of| Ok((of.modified()?, of.len()))).ok();
    paths.iter().map(stamp).collect()
}

/// The first lines on stdout.
fn announce(emulator: &Emulator) {
    let url = emulator.url();
    if emulator.settings.log_format == LogFormat::Json {
        let message = format!("LLEmulator listening on {url}");
        let time = clock::timestamp(clock::world());
        print(&format!("{}\n", json!({"time": time, "level": "info", "message": message, "url": url})));
        return;
    }
    let mut text = format!("LLEmulator listening on {url}\n");
    if emulator.settings.log_level == LogLevel::Info {
        text += &format!("  SDKs: base URL {url}/v1, any API key (each key is a session of its own)\n");
        text += &format!("  shell: export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=test\n");
    }
    print(&text);
}

/// Prints at once. A closed stdout is no reason to fail, as `println!` does.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Says on stderr what is wrong, at once, if somebody still reads it.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "llemulator: {message}");
}

/// Completes at SIGINT or SIGTERM (Ctrl-C on Windows); listens from the call on.
#[cfg(unix)]
fn signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
async fn signal() {
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
            complain("the server answers, but is not healthy");
            1
        }
        Err(error) => {
            complain(&format!("no emulator on port {}: {error}", options.port.unwrap_or(8080)));
            1
        }
    }
}
