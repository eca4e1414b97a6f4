//! The call: one request, authenticated and routed, with everything its operation may need.

use crate::budget::Budget;
use crate::emulator::Emulator;
use crate::options::{Counting, Profile};
use crate::prompt::Prompt;
use crate::random::Random;
use crate::script::Defaults;
use crate::script::Models;
use crate::script::matching::View;
use crate::session::exchange::Exchange;
use crate::session::jobs::HeldJob;
use crate::session::{Session, Shared};
use crate::surface::Operation;
use crate::surface::router::sharing;
use crate::tokens::Encoding;
use crate::turn::accepted;
use crate::turn::answer::{Answer, Delivery};
use crate::turn::lane::Lane;
use crate::turn::models::Model;
use crate::turn::usage::Counter;
use crate::turn::within::InnerDoor;
use crate::wire::error::ApiError;
use crate::wire::error::Occasion;
use crate::wire::field::find;
use crate::wire::form::{FormData, FormFile};
use crate::wire::headers::Headers;
use bytes::Bytes;
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Who serves an operation of the table.
pub(crate) struct Served {
    /// As in [`crate::surface`].
    pub name: &'static str,
    pub handler: Handler,
}

/// Serves one call.
pub(crate) type Handler = fn(Call) -> HandlerFuture;
pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Answer, ApiError>> + Send>>;

/// A request that was authenticated, routed and validated.
pub(crate) struct Call {
    pub operation: &'static Operation,
    /// Values of the `{…}` in the path, decoded.
    pub params: Vec<(&'static str, String)>,
    /// `POST`.
    pub method: String,
    /// Normalised: `/v1/chat/completions`, without query.
    pub path: String,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    pub headers: Arc<Headers>,
    /// The JSON body; of a form its fields, files as what is shown of them; null when there is none.
    pub body: Arc<Value>,
    /// The form, if the body is one: its files.
    pub form: Option<Arc<FormData>>,
    /// The bytes of a body that is neither.
    pub bytes: Bytes,
    /// Whether the request came over a path below `/openai/`.
    pub azure: bool,
    pub emulator: Arc<Emulator>,
    pub session: Arc<Session>,
    /// The script of sessions without their own, and what holds for this exchange, as it stood when it came.
    pub shared: Arc<Shared>,
    pub models: Option<Arc<Models>>,
    pub defaults: Arc<Defaults>,
    /// This exchange's generator; fork it for each purpose.
    pub random: Random,
    /// What the work of its answer may cost.
    pub budget: Arc<Budget>,
    /// Time since 1970 that this exchange puts on what it creates.
    pub stamp: Duration,
    pub exchange: Arc<Exchange>,
    /// Where a rule that names the operation has put how it wants its answer delivered; a job takes it for its own pace.
    pub delivery: Option<Arc<Mutex<Option<Box<Delivery>>>>>,
    /// Runs requests that its operation makes of the API itself.
    pub within: InnerDoor,
    /// The socket's lane it came over, if it did.
    pub lane: Option<Lane>,
    /// Nobody is to answer it: its turn is only looked at, by this.
    pub look: Option<Look>,
}

/// Somebody who looks at a turn as conditions of a script see it.
pub(crate) type Look = Arc<dyn Fn(&View) + Send + Sync>;

impl Call {
    /// A value of the path.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// A file of the form.
    ///
    /// # Errors
    /// There is none of this name, or it came as a text.
    pub(crate) fn file(&self, name: &str) -> Result<&FormFile, ApiError> {
        let form = self.form.as_deref();
        form.and_then(|form| form.file(name)).ok_or_else(|| ApiError::missing(name))
    }

    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.queries(name).next()
    }

    /// All values of a query parameter that may be repeated: `include[]=a&include[]=b`, or with the items' numbers.
    pub(crate) fn queries(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |key: &str| key == name || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
        self.query.iter().filter(move |(key, _)| named(key)).map(|(_, value)| value.as_str())
    }

    /// The model the body names; the empty string when it names none.
    pub(crate) fn model_name(&self) -> &str {
        find(&self.body, "model").and_then(Value::as_str).unwrap_or_default()
    }

    /// A model by name, if the session knows it.
    pub(crate) fn known_model(&self, name: &str) -> Option<Model> {
        accepted::find(&self.emulator.settings, self.models.as_deref(), name)
    }

    /// Rules of a model: the session's own, the catalogue's, or those of the nearest known name.
    pub(crate) fn model(&self, name: &str) -> Model {
        self.known_model(name).unwrap_or_else(|| Model::custom(name, None, None, None))
    }

    /// A model's name in answers: the dated snapshot as production has it, or as asked.
    pub(crate) fn shown_model(&self, asked: &str, model: &Model) -> String {
        match self.emulator.settings.profile {
            Profile::Strict => model.snapshot().to_string(),
            _ if asked.is_empty() => model.id.to_string(),
            _ => asked.to_string(),
        }
    }

    /// Counts this exchange's tokens.
    pub(crate) fn counter(&self) -> Counter {
        Counter::of(&self.emulator.settings, &self.session, &self.exchange)
    }

    /// How this model's texts are counted.
    pub(crate) fn encoding(&self, model: &Model) -> Encoding {
        match self.emulator.settings.usage {
            Counting::Exact => Encoding::for_model(&model.id),
            Counting::Estimate => Encoding::Estimate,
        }
    }

    /// Whether a model is accepted that nobody lists: by setting, by script, or because the path is one of Azure's and
    /// the session lists no models.
    pub(crate) fn accepts_unlisted(&self, name: &str) -> bool {
        accepted::unlisted(&self.emulator.settings, self.models.as_deref(), self.azure, name)
    }

    /// The call as conditions of a script see it.
    pub(crate) fn view<'a>(&'a self, prompt: Option<&'a Prompt>, user_text: &'a str) -> View<'a> {
        View {
            prompt,
            user_text,
            operation: self.operation.name,
            also: sharing(self.operation, &self.query),
            path: &self.path,
            method: &self.method,
            headers: &self.headers,
            body: &self.body,
            // A run's model may be its assistant's.
            model: match (self.model_name(), prompt) {
                ("", Some(prompt)) => &prompt.model,
                (name, _) => name,
            },
            stream: find(&self.body, "stream").and_then(Value::as_bool).unwrap_or(false),
        }
    }

    /// What the texts of OpenAI's errors name.
    pub(crate) fn occasion(&self) -> Occasion<'_> {
        Occasion {
            model: self.model_name(),
            dialect: self.operation.dialect,
            routes_by_model: self.operation.edge.routes_by_model,
            request_id: &self.exchange.request_id,
        }
    }

    /// A job that this call begins, in these states one after the other. A rule that names the operation says how long it
    /// takes, and what holds it; the answer comes at once.
    pub(crate) fn begins(&self, states: &[&'static str]) -> HeldJob {
        let taken = self.delivery.as_ref().and_then(|place| {
            let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
            place.take_if(|delivery| delivery.fault.is_none())
        });
        let wait = taken.as_ref().map(|delivery| delivery.wait).unwrap_or_default();
        HeldJob::new(&self.session, states, wait, taken.and_then(|delivery| delivery.hold).map(|hold| hold.until))
    }

    /// Unix seconds for `created` and `created_at`.
    pub(crate) fn created(&self) -> u64 {
        self.stamp.as_secs()
    }
}
