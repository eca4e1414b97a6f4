//! A turn that is being taken, as responders see it.

use crate::prompt::Prompt;
use crate::script::matching::View;
use crate::turn::call::Call;
use crate::turn::found::{Found, Over};
use crate::wire::error::ApiError;
use std::future::Future;
use std::pin::Pin;

/// One Prompt on its way to a Reply.
pub(crate) struct Turn<'a> {
    pub call: &'a Call,
    /// `None` for operations that infer nothing, which only rules that name them answer.
    pub prompt: Option<&'a Prompt>,
    /// The text of the last user message.
    pub user_text: String,
    /// What comes over whatever answers.
    pub over: Option<Over>,
    /// Why whoever was asked so far had nothing.
    pub missed: Option<String>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(call: &'a Call, prompt: Option<&'a Prompt>) -> Self {
        let user_text = prompt.map(Prompt::user_text).unwrap_or_default();
        Turn { call, prompt, user_text, over: None, missed: None }
    }

    /// The turn as conditions of a script see it.
    pub(crate) fn view(&self) -> View<'_> {
        self.call.view(self.prompt, &self.user_text)
    }
}

/// What a responder makes of a turn.
#[allow(clippy::large_enum_variant)] // made once for each turn and taken apart at once
pub(crate) enum Response {
    /// It is not its turn; perhaps with a reason, for whoever has to explain that nothing answered.
    Pass(Option<String>),
    /// Whatever answers in the end breaks, or is paced, like this.
    Over(Over),
    /// The reply.
    Reply(Found),
}

/// Something that may give a Reply for a Turn. It knows no endpoint; what it gives is rendered by whoever asked.
pub(crate) trait Responder: Send + Sync {
    /// As options and steps name it.
    fn name(&self) -> &'static str;

    /// It has nothing for this turn, and nothing to note about it: it is not asked.
    fn is_idle(&self, _turn: &Turn) -> bool {
        false
    }

    /// Its part in a turn. Dropped when the client leaves.
    ///
    /// # Errors
    /// The answer is this error, and nobody below is asked.
    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a>;
}

/// A responder at work.
pub(crate) type Answering<'a> = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send + 'a>>;
