//! The course of a training: its steps, what each measures, and what is made of them. All of it follows from the job's id.

use crate::random::{self, Random};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Steps that are measured; a longer training is measured at as many.
const MEASURED: u64 = 1_000;
/// Steps that events tell.
const TOLD: u64 = 20;

/// How long a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Course {
    pub steps: u64,
    pub epochs: u64,
    /// Validated beside.
    pub validates: bool,
}

/// What a step measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct StepMetrics {
    pub step: u64,
    pub loss: f64,
    pub accuracy: f64,
    pub valid_loss: f64,
}

impl Course {
    /// A training with so many examples.
    pub(super) fn new(examples: u64, epochs: u64, batch: u64, validates: bool) -> Self {
        let steps = examples.div_ceil(batch.max(1)).saturating_mul(epochs).max(1);
        Course { steps, epochs: epochs.max(1), validates }
    }

    /// What a step measures: a loss that falls, with some noise.
    pub(super) fn at(self, step: u64, job: &str) -> StepMetrics {
        let mut random = Random::new(random::key(0, &[job.as_bytes(), &step.to_le_bytes()]));
        let through = step as f64 / self.steps as f64;
        let loss = 0.35 + 1.9 * (-3.0 * through).exp() + 0.1 * random.fraction();
        let accuracy = (1.0 - loss / 3.2).clamp(0.0, 1.0);
        let round = |value: f64| (value * 1e5).round() / 1e5;
        StepMetrics { step, loss: round(loss), accuracy: round(accuracy), valid_loss: round(loss * 1.08) }
    }

    /// So many steps, evenly, the last one among them.
    fn some(self, most: u64) -> impl Iterator<Item = u64> {
        let count = self.steps.min(most).max(1);
        (1..=count).map(move |number| (u128::from(self.steps) * u128::from(number) / u128::from(count)) as u64)
    }

    /// Steps that events tell.
    pub(super) fn told(self) -> impl Iterator<Item = u64> {
        self.some(TOLD)
    }

    /// Steps with which epochs end: those that have a checkpoint are the last three.
    pub(super) fn checkpoints(self) -> impl Iterator<Item = u64> {
        let first = self.epochs.saturating_sub(2).max(1);
        (first..=self.epochs)
            .map(move |epoch| (u128::from(self.steps) * u128::from(epoch) / u128::from(self.epochs)) as u64)
    }

    /// The results file.
    pub(super) fn csv(self, job: &str) -> String {
        let mut out = String::from("step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n");
        for step in self.some(MEASURED) {
            let StepMetrics { loss, accuracy, valid_loss, .. } = self.at(step, job);
            let valid = if self.validates { format!("{valid_loss},{accuracy}") } else { ",".into() };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{step},{loss},{accuracy},{valid}");
        }
        out
    }

    /// `metrics` of a checkpoint.
    pub(super) fn metrics(self, step: u64, job: &str) -> Value {
        let at = self.at(step, job);
        let mut metrics = json!({"step": at.step, "train_loss": at.loss, "train_mean_token_accuracy": at.accuracy});
        if self.validates {
            for (name, value) in [
                ("valid_loss", at.valid_loss),
                ("valid_mean_token_accuracy", at.accuracy),
                ("full_valid_loss", at.valid_loss),
                ("full_valid_mean_token_accuracy", at.accuracy),
            ] {
                metrics[name] = value.into();
            }
        }
        metrics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_has_its_steps_and_its_loss_falls() {
        let course = Course::new(25, 3, 2, true);
        assert_eq!((course.steps, course.checkpoints().collect::<Vec<_>>()), (39, vec![13, 26, 39]));
        assert!(course.at(1, "ftjob-1").loss > course.at(39, "ftjob-1").loss);
        assert_eq!(course.at(7, "ftjob-1"), course.at(7, "ftjob-1"));
        let csv = course.csv("ftjob-1");
        assert_eq!(csv.lines().count(), 40);
        assert!(csv.lines().all(|line| line.split(',').count() == 5), "{csv}");
        assert_eq!(course.told().last(), Some(39));
    }

    #[test]
    fn the_longest_course_has_a_bound() {
        let course = Course::new(u64::MAX, 50, 1, false);
        assert_eq!(course.csv("x").lines().count(), 1_001);
        assert_eq!((course.told().count(), course.checkpoints().count()), (20, 3));
        assert!(Course::new(1, 1, 1, false).csv("x").ends_with(",,\n"));
        assert_eq!(Course::new(1, 1, 64, false).checkpoints().collect::<Vec<_>>(), [1]);
    }
}
