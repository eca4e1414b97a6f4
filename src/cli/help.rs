//! What `--help` shows: the options most people want, on one screen; with `--all` every one, and its variable.

use clap::{ArgAction, Command};

/// Options on the first screen.
const USUAL: [&str; 14] = [
    "port",
    "host",
    "script",
    "watch",
    "profile",
    "fallback",
    "models",
    "check_replies",
    "clock",
    "log_level",
    "exit_with_parent",
    "open",
    "help",
    "all",
];

const EXAMPLES: &str = "\
Examples:
  llemulator                                answers every request with an echo
  llemulator --script replies.yaml --watch  answers as the file says, also when it changes
  llemulator --profile strict --port 0      refuses what OpenAI refuses; no script, no answer
  llemulator --fallback generate            makes up texts, tool calls and structured output
  llemulator validate scripts/              is every script right?

  export OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=my-test
  curl http://127.0.0.1:8080/_emulator      what a test can ask and tell it

Every option is a variable too, and there are more: llemulator --help --all";

/// The command with its help for these arguments.
pub(super) fn arrange(command: Command, arguments: &[String]) -> Command {
    let all = arguments.iter().any(|argument| argument == "--all");
    // A mistyped option must still find the right one, so nothing is taken away.
    command
        .mut_args(|argument| match argument.get_id().as_str() {
            "help" if all => argument.action(ArgAction::HelpLong),
            usual if all || USUAL.contains(&usual) => argument.hide_env(!all),
            _ => argument.hide_short_help(true),
        })
        .after_help(EXAMPLES)
        .after_long_help("")
}
