//! A run of an eval: as it is kept and shown.

use super::work::RunWork;
use crate::api::list::{LIMITS, Order, Page};
use crate::session::jobs::HeldJob;
use crate::session::store::{Store, Stored};
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture};
use crate::turn::within::InnerClient;
use crate::wire::error::ApiError;
use crate::wire::ids;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A run as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct EvalRun {
    pub shown: Value,
    pub job: HeldJob,
}

impl EvalRun {
    fn new(call: &Call, eval: &Value) -> Self {
        let (created, body) = (call.created(), &call.body);
        let id = ids::timed("evalrun_", &mut call.random.fork("eval run"), created);
        let source = &body["data_source"];
        let eval = eval["id"].as_str().unwrap_or_default();
        let shown = json!({
            "object": "eval.run", "id": id, "eval_id": eval,
            "report_url": format!("https://platform.openai.com/evaluations/{eval}?run_id={id}"), "status": "queued",
            "model": source["model"].as_str().unwrap_or_default(),
            "name": body["name"].as_str().unwrap_or("eval-run"), "created_at": created,
            "result_counts": {"total": 0, "errored": 0, "failed": 0, "passed": 0}, "per_model_usage": [],
            "per_testing_criteria_results": [], "data_source": source, "error": null,
            "metadata": body.get("metadata").filter(|given| !given.is_null()).cloned().unwrap_or_else(|| json!({})),
        });
        EvalRun { shown, job: call.begins(&["queued", "in_progress"]) }
    }

    pub(super) fn fail(&mut self, code: &str, message: &str) {
        self.shown["status"] = "failed".into();
        self.shown["error"] = json!({"code": code, "message": message});
    }

    pub(super) fn status(&self) -> &str {
        self.shown["status"].as_str().unwrap_or_default()
    }

    /// Whether nothing changes any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status(), "completed" | "failed" | "canceled")
    }
}

/// Where an eval's runs are kept.
pub(super) fn shelf(eval: &str) -> String {
    format!("/evals/{eval}/runs")
}

/// Where a run's output items are kept.
pub(super) fn items(eval: &str, run: &str) -> String {
    format!("{}/{run}/output_items", shelf(eval))
}

/// Forgets what belongs to a run.
pub(super) async fn forget_items(store: &Store, eval: &str, run: &str) {
    store.remove_below(&format!("{}/{run}/", shelf(eval))).await;
}

/// The eval that the path names: one of the stored resources.
async fn eval(call: &Call) -> Result<Value, ApiError> {
    let id = call.param("eval_id");
    let found: Option<Value> = call.session.store.objects("/evals").get(id).await;
    found.ok_or_else(|| ApiError::new(404, format!("No eval found with id '{id}'.")))
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("No eval run found with id '{id}'."))
}

/// Lets a run become what it is by now.
async fn look(call: &Call, eval: &Value, id: &str) -> Option<EvalRun> {
    let work = RunWork::new(InnerClient::of(call), eval.clone(), id);
    call.session.go_on(&format!("eval run/{id}"), work.go_on()).await;
    call.session.store.objects(&shelf(call.param("eval_id"))).get(id).await
}

async fn find(call: &Call) -> Result<EvalRun, ApiError> {
    let (eval, id) = (eval(call).await?, call.param("run_id"));
    look(call, &eval, id).await.ok_or_else(|| unknown(id))
}

fn answer(run: &EvalRun) -> Answer {
    Answer::polled(&run.shown, !run.is_over())
}

pub(super) fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let eval = eval(&call).await?;
        let run = EvalRun::new(&call, &eval);
        let id = run.shown["id"].as_str().unwrap_or_default();
        call.session.store.objects(&shelf(call.param("eval_id"))).put(id, &run).await?;
        Ok(answer(&run))
    })
}

pub(super) fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(answer(&find(&call).await?)) })
}

pub(super) fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let eval = eval(&call).await?;
        let shelf = shelf(call.param("eval_id"));
        for stored in call.session.store.objects(&shelf).all().await {
            look(&call, &eval, &stored.id).await;
        }
        let status = call.query("status");
        let show = |stored: &Stored| {
            let run = stored.read::<EvalRun>().filter(|run| status.is_none_or(|status| run.status() == status))?;
            Some(run.shown)
        };
        Ok(Answer::json(&Page::kept(&call, &shelf, Order::OldestFirst, LIMITS, &show).await))
    })
}

pub(super) fn cancel(call: Call) -> HandlerFuture {
    Box::pin(async move {
        eval(&call).await?;
        let id = call.param("run_id");
        let stop = |run: &mut EvalRun| {
            if run.is_over() {
                let message = format!("Cannot cancel eval run with status '{}'.", run.status());
                return Err(ApiError::invalid(message));
            }
            run.job.settle();
            run.shown["status"] = "canceled".into();
            Ok(run.clone())
        };
        let shelf = shelf(call.param("eval_id"));
        let stopped = call.session.store.objects(&shelf).update(id, stop).await;
        Ok(answer(&stopped.unwrap_or_else(|| Err(unknown(id)))?))
    })
}

pub(super) fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        eval(&call).await?;
        let (eval, id) = (call.param("eval_id"), call.param("run_id"));
        let store = &call.session.store;
        if !store.objects(&shelf(eval)).remove(id).await {
            return Err(unknown(id));
        }
        forget_items(store, eval, id).await;
        Ok(Answer::json(&json!({"object": "eval.run.deleted", "deleted": true, "run_id": id})))
    })
}

pub(super) fn list_items(call: Call) -> HandlerFuture {
    Box::pin(async move {
        find(&call).await?;
        let asked = call.query("status").map(|status| status.trim_end_matches("ed"));
        let show = |stored: &Stored| {
            let item = stored.read::<Value>()?;
            asked.is_none_or(|status| item["status"] == status).then_some(item)
        };
        let shelf = items(call.param("eval_id"), call.param("run_id"));
        Ok(Answer::json(&Page::kept(&call, &shelf, Order::OldestFirst, LIMITS, &show).await))
    })
}

pub(super) fn retrieve_item(call: Call) -> HandlerFuture {
    Box::pin(async move {
        find(&call).await?;
        let id = call.param("output_item_id");
        let name = items(call.param("eval_id"), call.param("run_id"));
        let found: Option<Value> = call.session.store.objects(&name).get(id).await;
        let unknown = || ApiError::new(404, format!("No output item found with id '{id}'."));
        Ok(Answer::json(&found.ok_or_else(unknown)?))
    })
}
