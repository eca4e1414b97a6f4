//! A fine-tuning job as it is kept, and what it is at a time of the session's clock.

use super::course::Course;
use super::training::{self, Examples, TrainingFault};
use crate::api::files::kept::{self, FileRecord, NewFile};
use crate::random::{self, Random};
use crate::session::Session;
use crate::session::jobs::HeldJob;
use crate::session::store::StoredKind;
use crate::turn::call::Call;
use crate::turn::models::ModelKind;
use crate::wire::error::{self, ApiError};
use crate::wire::ids;
use crate::wire::value::Holds;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What a job goes through before its outcome.
pub(super) const STATES: [&str; 3] = ["validating_files", "queued", "running"];

/// A fine-tuning job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TuningJob {
    /// As it is shown.
    pub shown: Value,
    /// Session time at which it was made.
    began: Duration,
    job: HeldJob,
    pub course: Course,
    /// What is wrong with its files.
    fault: Option<(String, String, String)>,
    tokens: u64,
    /// Session time at which it was paused.
    paused: Option<Duration>,
    /// How far it was when it was stopped: a number of [`STATES`].
    stopped: Option<usize>,
}

impl StoredKind for TuningJob {
    const NAME: &'static str = "fine_tuning.job";
}

impl TuningJob {
    /// A new job, as the call asks for it.
    ///
    /// # Errors
    /// Its model cannot be tuned, or one of its files is not there.
    pub(super) async fn new(call: &Call) -> Result<Self, ApiError> {
        let body = &call.body;
        let name = call.model_name();
        let tunable = |kind| matches!(kind, ModelKind::Chat | ModelKind::Completions | ModelKind::ChatOnly);
        let known = call.known_model(name).filter(|model| tunable(model.kind) && !model.deprecated);
        let known = match super::is_deleted(&call.session, name).await {
            true => None,
            false => known,
        };
        let Some(model) = known.or_else(|| call.accepts_unlisted(name).then(|| call.model(name))) else {
            let message = format!("Model {name} is not available for fine-tuning or does not exist.");
            return Err(ApiError::invalid(message).param("model").code("model_not_available"));
        };
        let method = body["method"]["type"].as_str().unwrap_or("supervised").to_string();
        let (mut fault, mut trained, mut validates) = (None, Examples { count: 0, tokens: 0 }, false);
        for what in ["training", "validation"] {
            let field = format!("{what}_file");
            let Some(id) = body[&field].as_str() else { continue };
            let bytes = match kept::named(call, id).await {
                Ok(file) => file.read(&call.session.store).await?,
                Err(_) => {
                    let error = ApiError::invalid(format!("invalid {field}: {id}"));
                    return Err(error.param(&field).code("invalid_file"));
                }
            };
            let read = crate::runtime::aside(bytes.len(), || training::examples(&bytes, &method, what, name));
            match read {
                Ok(examples) if what == "training" => trained = examples,
                Ok(_) => validates = true,
                Err(TrainingFault { code, message }) => {
                    fault.get_or_insert((code.to_string(), message, field));
                }
            }
        }
        let created = call.created();
        let id = ids::plain("ftjob-", &mut call.random.fork("job"));
        let asked = asked_parameters(body, &method);
        let seed = body["seed"].as_u64().unwrap_or_else(|| call.random.fork("seed").below(1 << 31) as u64);
        // The keys in the order of recording d9255847503af6a7.
        let given = |name: &str| body.get(name).cloned().unwrap_or_default();
        let mut shown = json!({
            "object": "fine_tuning.job", "id": id, "model": model.snapshot(), "created_at": created,
            "finished_at": null, "fine_tuned_model": null, "organization_id": error::ORGANIZATION_ID, "result_files": [],
            "status": "validating_files", "validation_file": given("validation_file"),
            "training_file": given("training_file"), "hyperparameters": asked, "trained_tokens": null, "error": null,
            "user_provided_suffix": given("suffix"), "seed": seed, "estimated_finish": null,
            "integrations": body.get("integrations").filter(|list| list.is_array()).cloned().unwrap_or_else(|| json!([])),
            "metadata": given("metadata"), "usage_metrics": null, "shared_with_openai": false, "eval_id": null,
        });
        let mut own = body["method"].as_object().cloned().unwrap_or_default();
        own.insert("type".into(), method.as_str().into());
        let inner = own.entry(method.clone()).or_insert_with(|| json!({}));
        inner["hyperparameters"] = asked;
        shown["method"] = Value::Object(own);
        let states: &[&'static str] = if fault.is_some() { &STATES[..1] } else { &STATES };
        Ok(TuningJob {
            course: Course::new(0, 1, 1, validates),
            shown,
            began: call.session.clock.now(),
            job: call.begins(states),
            fault,
            tokens: trained.tokens,
            paused: None,
            stopped: None,
        }
        .planned(trained.count as u64, validates))
    }

    /// With the course that its parameters give; what they leave to us is chosen by the number of examples.
    fn planned(mut self, examples: u64, validates: bool) -> Self {
        let asked = |name: &str| self.shown["hyperparameters"][name].as_u64();
        let epochs = asked("n_epochs").unwrap_or(if examples < 100 { 3 } else { 2 });
        let batch = asked("batch_size").unwrap_or((examples / 500).max(1));
        self.course = Course::new(examples, epochs, batch, validates);
        self
    }

    pub(super) fn id(&self) -> &str {
        self.shown["id"].as_str().unwrap_or_default()
    }

    pub(super) fn status(&self) -> &str {
        self.shown["status"].as_str().unwrap_or_default()
    }

    /// Whether nothing changes any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status(), "succeeded" | "failed" | "cancelled")
    }

    /// How far it is or was: a number of [`STATES`], or how many there are.
    pub(super) fn reached(&self) -> usize {
        let place = |status: &str| STATES.iter().position(|state| *state == status);
        self.stopped
            .unwrap_or_else(|| place(self.status()).unwrap_or(if self.fault.is_some() { 0 } else { STATES.len() }))
    }

    /// Unix seconds at which it came so far.
    pub(super) fn came_to(&self, state: usize) -> u64 {
        let each = self.job.takes(self.began) / STATES.len() as u64;
        self.shown["created_at"].as_u64().unwrap_or_default() + each * state as u64
    }

    /// Unix seconds at which it ends, or ended.
    fn end(&self) -> u64 {
        self.shown["created_at"].as_u64().unwrap_or_default() + self.job.takes(self.began)
    }

    /// It becomes what it is now. True = it has come to its end by itself: its results are still to be written.
    pub(super) fn look(&mut self, session: &Session) -> bool {
        if self.is_over() || self.paused.is_some() {
            return false;
        }
        let state = self.job.state(session).map(str::to_string);
        if state.as_deref() != Some(STATES[0]) && self.fault.is_none() {
            self.resolve();
        }
        if let Some(state) = state {
            self.shown["status"] = state.into();
            return false;
        }
        self.job.settle();
        self.shown["finished_at"] = self.end().into();
        if let Some((code, message, param)) = &self.fault {
            self.shown["status"] = "failed".into();
            self.shown["error"] = json!({"code": code, "message": message, "param": param});
            self.shown["finished_at"] = self.end().into();
            return false;
        }
        self.shown["status"] = "succeeded".into();
        self.shown["trained_tokens"] = self.tokens.saturating_mul(self.course.epochs).into();
        self.shown["fine_tuned_model"] = self.model(None).into();
        true
    }

    /// What was left to us is said once the files are read (recording 3be06ec4ccb4f83f).
    fn resolve(&mut self) {
        let chosen = json!({"n_epochs": self.course.epochs, "batch_size": 1, "learning_rate_multiplier": 2.0});
        let method = self.shown["method"]["type"].as_str().unwrap_or_default().to_string();
        for place in ["/hyperparameters".to_string(), format!("/method/{method}/hyperparameters")] {
            let Some(Value::Object(parameters)) = self.shown.pointer_mut(&place) else { continue };
            for (name, value) in chosen.members() {
                if parameters.get(name).is_some_and(|asked| asked == "auto") {
                    parameters.insert(name.clone(), value.clone());
                }
            }
        }
    }

    /// The name of the model that comes of it, or of its checkpoint at a step.
    pub(super) fn model(&self, step: Option<u64>) -> String {
        let base = self.shown["model"].as_str().unwrap_or_default();
        let suffix = self.shown["user_provided_suffix"].as_str().unwrap_or_default();
        let mut random = Random::new(random::key(0, &[self.id().as_bytes(), b"model"]));
        let mut name = format!("ft:{base}:llemulator:{suffix}:{}", random.alphanumeric(8));
        if let Some(step) = step {
            name.push_str(&format!(":ckpt-step-{step}"));
        }
        name
    }

    /// Steps whose checkpoints there are.
    pub(super) fn checkpoints(&self) -> Vec<u64> {
        if self.status() == "succeeded" { self.course.checkpoints().collect() } else { Vec::new() }
    }

    /// Writes the results; gives the file's id. Whoever writes them writes the same.
    pub(super) async fn results(&self, session: &Session) -> Option<String> {
        let csv = self.course.csv(self.id());
        let new = NewFile {
            purpose: "fine-tune-results",
            name: "step_metrics.csv",
            bytes: csv.len() as u64,
            expires_after: None,
        };
        let mut random = Random::new(random::key(0, &[self.id().as_bytes(), b"results"]));
        let file = FileRecord::made(&mut random, self.end(), &new);
        // What is too large for the session is not there, as anything that gave way to newer things.
        file.keep(session, bytes::Bytes::from(csv)).await.ok()?;
        Some(file.id)
    }

    /// It is asked to stop.
    ///
    /// # Errors
    /// It is over.
    pub(super) fn cancel(&mut self, session: &Session) -> Result<(), ApiError> {
        let runs = self.paused.is_some() || !self.is_over() && self.job.runs(session);
        if !runs {
            return Err(self.refuses("cancel"));
        }
        self.stopped = Some(self.reached());
        self.paused = None;
        self.job.settle();
        self.resolve();
        self.shown["status"] = "cancelled".into();
        self.shown["finished_at"] = session.clock.stamp().as_secs().into();
        Ok(())
    }

    /// It waits until somebody lets it go on.
    ///
    /// # Errors
    /// It is over, or waits already.
    pub(super) fn pause(&mut self, session: &Session) -> Result<(), ApiError> {
        if self.is_over() || self.paused.is_some() || !self.job.runs(session) {
            return Err(self.refuses("pause"));
        }
        self.stopped = Some(self.reached());
        self.paused = Some(session.clock.now());
        self.shown["status"] = "paused".into();
        Ok(())
    }

    /// It goes on.
    ///
    /// # Errors
    /// It does not wait.
    pub(super) fn resume(&mut self, session: &Session) -> Result<(), ApiError> {
        let Some(paused) = self.paused.take() else { return Err(self.refuses("resume")) };
        self.stopped = None;
        self.job = self.job.later(session.clock.now().saturating_sub(paused));
        self.shown["status"] = "queued".into();
        Ok(())
    }

    fn refuses(&self, what: &str) -> ApiError {
        ApiError::invalid(format!("Cannot {what} job {} with status '{}'.", self.id(), self.status()))
    }
}

/// The hyperparameters that are asked, `auto` where they are left to us.
fn asked_parameters(body: &Value, method: &str) -> Value {
    let older = body["hyperparameters"].as_object();
    let asked = body["method"][method]["hyperparameters"].as_object().or(older);
    let mut all: Map<String, Value> = Map::new();
    for name in ["n_epochs", "batch_size", "learning_rate_multiplier"] {
        all.insert(name.into(), "auto".into());
    }
    all.extend(asked.cloned().unwrap_or_default());
    Value::Object(all)
}
