//! What a fine-tuning job tells of itself: events (recording 91d45549840c1f06) and checkpoints.

use super::job::{STATES, TuningJob};
use crate::random::{self, Random};
use serde_json::{Value, json};

/// The events of a job so far, oldest first.
pub(super) fn events(job: &TuningJob) -> Vec<Value> {
    let (id, reached) = (job.id(), job.reached());
    let mut told: Vec<(usize, &str, String, Value)> = Vec::new();
    let mut tell = |state: usize, level, message: String, data: Value| told.push((state, level, message, data));
    let training = job.shown["training_file"].as_str().unwrap_or_default();
    tell(0, "info", format!("Created fine-tuning job: {id}"), json!({}));
    tell(0, "info", format!("Validating training file: {training}"), json!({}));
    if let Some(file) = job.shown["validation_file"].as_str() {
        tell(0, "info", format!("Validating validation file: {file}"), json!({}));
    }
    if reached >= 1 {
        tell(1, "info", "Files validated, moving job to queued state".into(), json!({}));
    }
    if reached >= 2 {
        tell(2, "info", "Fine-tuning job started".into(), Value::Null);
    }
    if job.status() == "succeeded" {
        let course = job.course;
        for step in course.told() {
            let at = course.at(step, id);
            let data = json!({"step": step, "total_steps": course.steps, "train_loss": at.loss,
                "train_mean_token_accuracy": at.accuracy});
            tell(2, "info", format!("Step {step}/{}: training loss={:.2}", course.steps, at.loss), data);
        }
        for step in job.checkpoints() {
            tell(3, "info", format!("Checkpoint created at step {step}"), json!({"step": step}));
        }
        tell(3, "info", format!("New fine-tuned model created: {}", job.model(None)), Value::Null);
        tell(3, "info", "The job has successfully completed".into(), json!({}));
    }
    match job.status() {
        "cancelled" => {
            tell(usize::MAX, "warn", "The job was stopped due to a cancellation request".into(), Value::Null);
        }
        "failed" => {
            let message = job.shown["error"]["message"].as_str().unwrap_or_default().to_string();
            tell(usize::MAX, "error", message, Value::Null);
        }
        _ => {}
    }
    let shown = |(number, (state, level, message, data)): (usize, (usize, &str, String, Value))| {
        let mut random = Random::new(random::key(0, &[id.as_bytes(), b"event", &number.to_le_bytes()]));
        let kind = if data.get("train_loss").is_some() { "metrics" } else { "message" };
        let at = match state {
            usize::MAX => job.shown["finished_at"].as_u64().unwrap_or_default(),
            state => job.came_to(state.min(STATES.len())),
        };
        json!({"object": "fine_tuning.job.event", "id": crate::wire::ids::plain("ftevent-", &mut random), "created_at": at,
            "level": level, "message": message, "data": data, "type": kind})
    };
    told.into_iter().enumerate().map(shown).collect()
}

/// The checkpoints of a job, oldest first.
pub(super) fn checkpoints(job: &TuningJob) -> Vec<Value> {
    let id = job.id();
    let steps = job.checkpoints();
    let last = steps.last().copied();
    let shown = |step: u64| {
        let mut random = Random::new(random::key(0, &[id.as_bytes(), b"checkpoint", &step.to_le_bytes()]));
        // The last one is the model itself.
        let model = job.model(Some(step).filter(|step| Some(*step) != last));
        json!({"object": "fine_tuning.job.checkpoint", "id": crate::wire::ids::plain("ftckpt_", &mut random),
            "created_at": job.came_to(STATES.len()), "fine_tuned_model_checkpoint": model, "step_number": step,
            "metrics": job.course.metrics(step, id), "fine_tuning_job_id": id})
    };
    steps.into_iter().map(shown).collect()
}
