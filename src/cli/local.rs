//! The flags of a local model. `js/local/command.js` takes them out of the arguments and starts what they ask for: it runs
//! in JavaScript, so here they are only described, and refused where there is none.

use clap::Args;
use std::num::NonZeroU32;

/// A real small model beside the emulator.
#[derive(Debug, Args)]
#[command(next_help_heading = "Local model (npm package, with node-llama-cpp beside it)")]
pub(super) struct Local {
    /// Model name that a real small model answers: `smollm`, or any with --local-model
    #[arg(long, env = "LLEMULATOR_LOCAL", value_name = "NAME")]
    local: Option<String>,
    /// Its weights: a GGUF file, or the address of one [default for smollm: SmolLM2-360M-Instruct, 386 MB]
    #[arg(long, env = "LLEMULATOR_LOCAL_MODEL", value_name = "FILE|URL")]
    local_model: Option<String>,
    /// Its threads [default: the physical cores that are free when it is loaded]
    #[arg(long, env = "LLEMULATOR_LOCAL_THREADS")]
    local_threads: Option<NonZeroU32>,
    /// Tokens that question and answer may have together [default: 4096, or what the model was trained for]
    #[arg(long, env = "LLEMULATOR_LOCAL_CONTEXT", value_name = "TOKENS")]
    local_context: Option<NonZeroU32>,
}

impl Local {
    /// Why they cannot be had, if one is there.
    pub(super) fn refusal(&self) -> Option<String> {
        let name = self.local.as_deref().or_else(|| self.local_model.as_deref().map(|_| "smollm"))?;
        Some(format!(
            "a local model needs the npm package (npx llemulator --local {name}, with node-llama-cpp installed); here start any \
             server that speaks OpenAI's API and name it: --upstream-model {name}=http://127.0.0.1:8081/v1"
        ))
    }
}
