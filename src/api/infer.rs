//! Inference: a Prompt finds its Reply among the responders and is delivered in its operation's wire form.
//!
//! The only way an operation gets a reply; the operation itself only reads the Prompt and renders what was [`Spoken`].

use crate::prompt::{Message, Prompt};
use crate::reply::describe::SHOWN;
use crate::reply::fault::{Fault, FaultKind};
use crate::reply::{Overrides, Reply, Say};
use crate::responders::{self, request};
use crate::surface::Family;
use crate::surface::operations::AnswerKind;
use crate::turn::answer::Answer;
use crate::turn::answer::Delivery;
use crate::turn::call::Call;
use crate::turn::{self, Rendered, Spoken, Turn};
use crate::wire::error::ApiError;
use serde_json::Value;

/// Finds the reply to a prompt and renders it. Errors, raw replies, faults and pace are handled here for all operations.
pub(crate) async fn infer(
    call: &Call,
    prompt: &mut Prompt,
    render: impl FnOnce(&Prompt, Spoken) -> Result<Rendered, ApiError>,
) -> Result<Answer, ApiError> {
    let model = call.model(&prompt.model);
    turn::fit(call, prompt, &model)?;
    let found = responders::find(&mut begin(call, prompt)).await?;
    turn::conclude(call, prompt, model, found, render).await
}

/// What is asked of an operation that the emulator computes, as conditions of rules see it.
pub(crate) fn asked(call: &Call, message: Message) -> Prompt {
    Prompt {
        dialect: call.operation.dialect,
        model: call.model_name().to_string(),
        messages: vec![message],
        body: call.body.clone(),
        n: 1,
        ..Prompt::default()
    }
}

/// Answers with what the emulator computes (embeddings, pictures, sound …), unless a test says otherwise: `read` takes out
/// of its reply what this operation can give, and `compute` makes the answer's status and body, all of it where there is
/// none. A raw reply is the whole answer.
///
/// # Errors
/// The scripted error; the reply is of another kind; what cannot be computed.
pub(crate) async fn computed<T, F: Future<Output = Result<Answer, ApiError>>>(
    call: &Call,
    prompt: &Prompt,
    read: impl FnOnce(&Reply) -> Result<Option<T>, ApiError>,
    compute: impl FnOnce(Option<T>, Overrides) -> F,
) -> Result<Answer, ApiError> {
    let Some(found) = responders::scripted(&mut begin(call, prompt)).await? else {
        return compute(None, Overrides::default()).await;
    };
    let delivery = turn::delivery(call, prompt, &found, &Vec::new);
    turn::note(call, &found.reply);
    match &found.reply.say {
        Say::Error(error) => Err(error.to_api_error(&call.occasion())),
        Say::Choices(_) if call.operation.family != Family::Speech => {
            Err(turn::cannot_answer(call, "the kind of reply it takes"))
        }
        Say::Raw(raw) => Ok(turn::raw_answer(raw, delivery)),
        _ => {
            turn::check_instead(call, prompt, &found.reply, found.scripted).await?;
            let mut overrides = (*found.reply.overrides).clone();
            let headers = std::mem::take(&mut overrides.headers);
            Ok(Answer { headers, delivery, ..compute(read(&found.reply)?, overrides).await? })
        }
    }
}

/// What the script has for an operation that takes no turn.
pub(crate) enum Intercepted {
    /// The answer.
    Answered(Answer),
    /// The operation answers itself; this comes over its answer.
    Altered(Altered),
}

/// What comes over the answer of an operation that takes no turn.
#[derive(Default)]
pub(crate) struct Altered {
    /// Merged over the object that is answered.
    pub object: Option<Value>,
    pub headers: Vec<(String, String)>,
    pub delivery: Option<Box<Delivery>>,
}

/// Asks the script for an operation that takes no turn: rules that name it.
pub(crate) async fn intercept(call: &Call) -> Result<Intercepted, ApiError> {
    let found = responders::intercept(&mut Turn::new(call, None)).await?;
    let Some(found) = found else { return Ok(Intercepted::Altered(Altered::default())) };
    turn::note(call, &found.reply);
    let delivery = turn::delivery(call, &Prompt::default(), &found, &Vec::new);
    let headers = || found.reply.overrides.headers.clone();
    match &found.reply.say {
        Say::Error(error) => Err(error.to_api_error(&call.occasion())),
        Say::Object(object) if matches!(call.operation.kind, AnswerKind::Object | AnswerKind::Page) => {
            Ok(Intercepted::Altered(Altered { object: Some(object.clone()), headers: headers(), delivery }))
        }
        Say::Raw(raw) => Ok(Intercepted::Answered(turn::raw_answer(raw, delivery))),
        Say::Nothing => match &found.fault {
            // It is the answer itself: nothing streams here.
            Some(Fault { kind: FaultKind::Error(error), .. }) => Err(error.to_api_error(&call.occasion())),
            _ => Ok(Intercepted::Altered(Altered { object: None, headers: headers(), delivery })),
        },
        _ => Err(turn::cannot_answer(call, "`object` (where it answers with one), `raw` or `error`")),
    }
}

/// What of a text is ever shown of it.
fn shorten(text: &str) -> String {
    // One letter more than is shown says that there is more.
    text.char_indices().nth(SHOWN + 1).map_or(text, |(end, _)| &text[..end]).to_string()
}

/// A turn begins: the journal knows what was asked.
fn begin<'a>(call: &'a Call, prompt: &'a Prompt) -> Turn<'a> {
    let turn = Turn::new(call, Some(prompt));
    *call.exchange.asked() = shorten(&turn.user_text);
    let results = request::tool_results(prompt);
    if results.as_array().is_some_and(|results| !results.is_empty()) {
        // A turn that is taken again brings the same ones.
        let _ = call.exchange.tool_results.set(Box::new(results));
    }
    turn
}
