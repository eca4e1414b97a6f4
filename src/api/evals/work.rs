//! What a run does when its time has come: each item of its data is sampled from the model, where there is one, and graded
//! by every criterion of the eval.

use super::graders::{Grade, Ungraded, ask, grade};
use super::run::{EvalRun, forget_items, items, shelf};
use super::template::Filling;
use crate::api::files::kept;
use crate::budget::Budget;
use crate::random::{self, Random};
use crate::turn::usage::wire;
use crate::turn::within::InnerClient;
use crate::wire::error::ApiError;
use crate::wire::ids;
use crate::wire::value::Holds;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Items that a run takes.
const MOST: usize = 10_000;

/// Answers whose work all items of a run may take together: few take a thousandth of one.
const ANSWERS: u64 = 32;

/// A run that somebody looks at.
pub(super) struct RunWork {
    client: InnerClient,
    eval: Value,
    id: String,
    /// What all of it may cost, with the models it asks.
    budget: Arc<Budget>,
}

/// What came of a run so far.
#[derive(Default)]
struct RunTally {
    counts: BTreeMap<&'static str, u64>,
    /// Passed and failed, by criterion.
    criteria: Vec<(String, [u64; 2])>,
    /// Invocations, prompt, completion, total, cached tokens, by model.
    usage: BTreeMap<String, [u64; 5]>,
}

impl RunWork {
    pub(super) fn new(client: InnerClient, eval: Value, id: &str) -> Self {
        let budget = Arc::new(Budget::of_answers(ANSWERS));
        RunWork { client: client.within(&budget), eval, id: id.to_string(), budget }
    }

    fn eval_id(&self) -> &str {
        self.eval["id"].as_str().unwrap_or_default()
    }

    /// Goes as far as the session's clock lets it.
    pub(super) async fn go_on(self) {
        let session = &self.client.session;
        let Some(run) = self.run().await.filter(|run| !run.is_over()) else { return };
        if let Some(state) = run.job.state(session) {
            self.change(|run| run.shown["status"] = state.into()).await;
            return;
        }
        self.change(|run| run.shown["status"] = "in_progress".into()).await;
        let data = match self.data(&run.shown["data_source"]["source"]).await {
            Ok(data) => data,
            Err(message) => return self.fail("invalid_data_source", &message).await,
        };
        let mut tally = RunTally::default();
        for criterion in self.criteria() {
            tally.criteria.push((name(criterion), [0, 0]));
        }
        for (number, (item, sample)) in data.iter().enumerate() {
            match self.item(&run, number, item, sample, &mut tally).await {
                Ok(shown) => {
                    let id = shown["id"].as_str().unwrap_or_default().to_string();
                    let shelf = items(self.eval_id(), &self.id);
                    if let Err(error) = session.store.objects(&shelf).put(&id, &shown).await {
                        return self.fail_at(&tally, "no_room", &error.message).await;
                    }
                }
                Err(message) => return self.fail("grader_not_run", &message).await,
            }
            if self.budget.is_spent() {
                return self.fail_at(&tally, "too_much_work", &too_much(number + 1, data.len())).await;
            }
            // Somebody may have cancelled or deleted it.
            match self.run().await {
                Some(run) if !run.is_over() => {}
                Some(_) => return,
                // What came since then belongs to nothing.
                None => return forget_items(&session.store, self.eval_id(), &self.id).await,
            }
            tokio::task::yield_now().await;
        }
        self.change(|run| tally.show(&mut run.shown)).await;
    }

    fn criteria(&self) -> impl Iterator<Item = &Value> {
        self.eval["testing_criteria"].elements()
    }

    async fn run(&self) -> Option<EvalRun> {
        self.client.session.store.objects(&shelf(self.eval_id())).get(&self.id).await
    }

    /// Changes the run, unless it is over.
    async fn change(&self, change: impl Fn(&mut EvalRun) + Send) {
        let unless_over = move |run: &mut EvalRun| {
            if !run.is_over() {
                change(run);
            }
        };
        self.client.session.store.objects(&shelf(self.eval_id())).change(&self.id, unless_over).await;
    }

    async fn fail(&self, code: &str, message: &str) {
        self.change(|run| run.fail(code, message)).await;
    }

    /// It fails on the way: what was graded stays, and is counted.
    async fn fail_at(&self, tally: &RunTally, code: &str, message: &str) {
        self.change(|run| {
            tally.show(&mut run.shown);
            run.fail(code, message);
        })
        .await;
    }

    /// The items of a source, each with the sample it brings.
    async fn data(&self, source: &Value) -> Result<Vec<(Value, Value)>, String> {
        let lines: Vec<Value> = match source["type"].as_str().unwrap_or_default() {
            "file_content" => source["content"].as_array().cloned().unwrap_or_default(),
            "file_id" => {
                let session = &self.client.session;
                let id = source["id"].as_str().unwrap_or_default();
                let file = kept::at(&session.store, session.clock.stamp().as_secs(), id).await;
                let bytes = match file {
                    Ok(file) => file.read(&session.store).await.map_err(|error| error.message)?,
                    Err(error) => return Err(error.message),
                };
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
                let read = |(at, line): (usize, &str)| {
                    serde_json::from_str(line).map_err(|_| format!("Line {} of {id} is not valid JSON.", at + 1))
                };
                lines.map(read).collect::<Result<_, _>>()?
            }
            other => {
                return Err(format!("LLEmulator runs evals on 'file_content' and 'file_id', and not on '{other}'."));
            }
        };
        if lines.len() > MOST {
            return Err(format!("A run may have {MOST} items, and not {}.", lines.len()));
        }
        let split = |line: Value| match line.get("item") {
            Some(item) => (item.clone(), line.get("sample").cloned().unwrap_or_default()),
            None => (line, Value::Null),
        };
        Ok(lines.into_iter().map(split).collect())
    }

    /// An output item. An error says that the emulator does not run one of the graders.
    async fn item(
        &self,
        run: &EvalRun,
        number: usize,
        item: &Value,
        given: &Value,
        tally: &mut RunTally,
    ) -> Result<Value, String> {
        let source = &run.shown["data_source"];
        // To the models that are asked it is an answer of its own, and so it is here: part of what the run may cost.
        let budget = Budget::within(&self.budget);
        let mut sample = match given.is_null() {
            true => self.sample(source, item, tally, &budget).await,
            false => given.clone(),
        };
        if let Some(text) = sample["output_text"].as_str() {
            sample["output_json"] = serde_json::from_str(text).unwrap_or_default();
        }
        let filling = Filling { item, sample: &sample };
        let (mut results, mut passed, mut errored) = (Vec::new(), true, !sample["error"].is_null());
        for (at, criterion) in self.criteria().enumerate() {
            let mut result = json!({"name": name(criterion), "type": criterion["type"], "sample": null});
            match grade(&self.client, criterion, filling, &budget).await {
                Ok(Grade { score, passed: is_passed, sample }) => {
                    passed &= is_passed;
                    if let Some((_, counts)) = tally.criteria.get_mut(at) {
                        counts[usize::from(!is_passed)] += 1;
                    }
                    tally.uses(&sample);
                    result["score"] = score.into();
                    result["passed"] = is_passed.into();
                    result["sample"] = sample;
                }
                Err(Ungraded::NotRun(error)) => return Err(error.message),
                Err(Ungraded::Unread(message) | Ungraded::Spent(ApiError { message, .. })) => {
                    errored = true;
                    result["score"] = 0.into();
                    result["passed"] = false.into();
                    result["error"] = message.into();
                }
            }
            results.push(result);
        }
        let (count, status) = match (errored, passed) {
            (true, _) => ("errored", "error"),
            (false, true) => ("passed", "pass"),
            (false, false) => ("failed", "fail"),
        };
        *tally.counts.entry(count).or_default() += 1;
        let created = run.shown["created_at"].as_u64().unwrap_or_default();
        let mut random = Random::new(random::key(0, &[self.id.as_bytes(), &number.to_le_bytes()]));
        Ok(json!({
            "object": "eval.run.output_item", "id": ids::timed("outputitem_", &mut random, created), "created_at": created,
            "run_id": self.id, "eval_id": self.eval_id(), "status": status, "datasource_item_id": number,
            "datasource_item": item, "results": results, "sample": shown(&sample, source),
        }))
    }

    /// What the model of a source says of an item; nothing where it names no model.
    async fn sample(&self, source: &Value, item: &Value, tally: &mut RunTally, budget: &Budget) -> Value {
        let Some(model) = source["model"].as_str() else { return json!({}) };
        let filling = Filling { item, sample: &Value::Null };
        let messages = match source["input_messages"]["item_reference"].as_str() {
            Some(path) => Ok(filling.value(path).cloned().unwrap_or_else(|| json!([]))),
            None => filling.messages(&source["input_messages"]["template"], budget),
        };
        let messages = match messages.map_err(|spent| spent.to_api_error()) {
            Ok(messages) => messages,
            Err(error) => {
                let error = json!({"code": error.code, "message": error.message});
                return json!({"input": [], "model": model, "error": error});
            }
        };
        let mut body: Map<String, Value> = source["sampling_params"].as_object().cloned().unwrap_or_default();
        body.insert("model".into(), model.into());
        let responses = source["type"] == "responses";
        let path = if responses { "/v1/responses" } else { "/v1/chat/completions" };
        body.insert(if responses { "input" } else { "messages" }.into(), messages.clone());
        let answer = ask(&self.client, path, Value::Object(body)).await;
        let mut sample = json!({"input": messages, "model": model, "error": null});
        if answer.status != 200 || answer.broken {
            let error = &answer.body["error"];
            let code = error["code"].as_str().unwrap_or("server_error");
            sample["error"] = json!({"code": code, "message": error["message"].as_str().unwrap_or("no answer")});
            return sample;
        }
        tally.uses(&answer.body);
        let said = match responses {
            true => {
                let parts = answer.body["output"].elements();
                let parts = parts.flat_map(|item| item["content"].elements());
                parts.filter_map(|part| part["text"].as_str()).collect::<String>()
            }
            false => answer.body["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_string(),
        };
        sample["output_text"] = said.into();
        sample["finish_reason"] = answer.body["choices"][0]["finish_reason"].as_str().unwrap_or("stop").into();
        sample["usage"] = answer.body["usage"].clone();
        sample
    }
}

/// Why a run ends after so many of its items.
fn too_much(items: usize, of: usize) -> String {
    format!(
        "This run takes more work than all of one may: nothing was left after item {items} of {of}. Give it fewer items, \
         or make its texts and schemas smaller."
    )
}

/// A criterion's name.
fn name(criterion: &Value) -> String {
    criterion["name"].as_str().unwrap_or_default().to_string()
}

/// Prompt, completion, total and cached tokens of a usage.
fn used(usage: &Value) -> [u64; 4] {
    ["/prompt_tokens", "/completion_tokens", "/total_tokens", "/prompt_tokens_details/cached_tokens"]
        .map(|place| wire::number(usage, place))
}

/// `sample` of an output item.
fn shown(sample: &Value, source: &Value) -> Value {
    let [prompt, completion, total, cached] = used(&sample["usage"]);
    let parameter = |name: &str, usual: Value| {
        source["sampling_params"].get(name).filter(|given| !given.is_null()).cloned().unwrap_or(usual)
    };
    let output = sample["output_text"].as_str().map(|text| json!({"role": "assistant", "content": text}));
    let input = sample["input"].elements().map(|message| {
        let content = &message["content"];
        let text = content.as_str().map_or_else(|| content.to_string(), str::to_string);
        json!({"role": message["role"], "content": text})
    });
    json!({
        "input": input.collect::<Vec<_>>(), "output": output.into_iter().collect::<Vec<_>>(),
        "finish_reason": sample["finish_reason"].as_str().unwrap_or("stop"),
        "model": sample["model"].as_str().unwrap_or_default(), "error": sample["error"],
        "usage": {"total_tokens": total, "completion_tokens": completion, "prompt_tokens": prompt, "cached_tokens": cached},
        "temperature": parameter("temperature", json!(1)),
        "max_completion_tokens": parameter("max_completion_tokens", json!(2048)), "top_p": parameter("top_p", json!(1)),
        "seed": parameter("seed", json!(42)),
    })
}

impl RunTally {
    /// A model was asked, and this is its answer.
    fn uses(&mut self, answer: &Value) {
        let Some(model) = answer["model"].as_str() else { return };
        let [prompt, completion, total, cached] = used(&answer["usage"]);
        let sums = self.usage.entry(model.to_string()).or_default();
        sums.iter_mut().zip([1, prompt, completion, total, cached]).for_each(|(sum, more)| *sum += more);
    }

    /// The run is over with this.
    fn show(&self, run: &mut Value) {
        let count = |name: &str| self.counts.get(name).copied().unwrap_or_default();
        let total: u64 = self.counts.values().sum();
        run["status"] = "completed".into();
        run["result_counts"] =
            json!({"total": total, "errored": count("errored"), "failed": count("failed"), "passed": count("passed")});
        let criterion = |(name, [passed, failed]): &(String, [u64; 2])| json!({"testing_criteria": name, "passed": passed, "failed": failed});
        run["per_testing_criteria_results"] = self.criteria.iter().map(criterion).collect();
        let usage = |(model, [count, prompt, completion, total, cached]): (&String, &[u64; 5])| {
            json!({"model_name": model, "invocation_count": count, "prompt_tokens": prompt,
                "completion_tokens": completion, "total_tokens": total, "cached_tokens": cached})
        };
        run["per_model_usage"] = self.usage.iter().map(usage).collect();
    }
}
