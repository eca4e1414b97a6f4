//! What a batch does as time goes on: it is checked, its lines are asked one after the other, its files are written.

use super::lines::{self, LineFault};
use super::record::{BatchRecord, ComingLine, no_file};
use crate::api::files::kept::{self, FileRecord, NewFile};
use crate::random::{self, Random};
use crate::turn::accepted;
use crate::turn::within::{InnerAnswer, InnerClient, InnerRequest};
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use std::time::Duration;

/// A batch that somebody looks at.
pub(super) struct BatchWork {
    pub client: InnerClient,
    pub id: String,
}

impl BatchWork {
    /// Goes as far as the session's clock lets it.
    pub(super) async fn go_on(self) {
        let Some(mut record) = self.record().await else { return };
        if record.status() == "validating" {
            self.validate(&record).await;
        }
        let file = self.input(&record).await.unwrap_or_default();
        let lines: Vec<&[u8]> = lines::lines(&file).map(|(_, line)| line).collect();
        loop {
            match self.record().await {
                Some(now) => record = now,
                None => return,
            }
            match record.status() {
                "in_progress" => {}
                "cancelling" => return self.conclude(&record, "cancelled", record.at, &[]).await,
                _ => return,
            }
            let rest = lines.get(record.next..).unwrap_or_default();
            if let Some(coming) = record.coming.clone() {
                match self.arrival(&record, &coming) {
                    LineArrival::Later => return,
                    LineArrival::Never => return self.conclude(&record, "expired", record.expires(), rest).await,
                    LineArrival::At(at) => self.arrived(&record, coming, at).await,
                }
            } else if record.at >= record.expires() && !rest.is_empty() {
                return self.conclude(&record, "expired", record.expires(), rest).await;
            } else if let Some(line) = rest.first() {
                self.ask(&record, line).await;
                // Thousands of lines leave room for other requests.
                tokio::task::yield_now().await;
            } else {
                return self.conclude(&record, "completed", record.at, &[]).await;
            }
        }
    }

    async fn record(&self) -> Option<BatchRecord> {
        self.client.session.store.get(&self.id).await
    }

    /// Changes the record while it is in this status; somebody may have cancelled it.
    async fn change(&self, status: &str, change: impl Fn(&mut BatchRecord) + Send) {
        let when = move |record: &mut BatchRecord| {
            if record.status() == status {
                change(record);
            }
        };
        self.client.session.store.change(&self.id, when).await;
    }

    async fn input(&self, record: &BatchRecord) -> Option<Bytes> {
        let id = record.shown["input_file_id"].as_str().unwrap_or_default();
        let store = &self.client.session.store;
        kept::at(store, record.unix(record.at), id).await.ok()?.read(store).await.ok()
    }

    async fn validate(&self, record: &BatchRecord) {
        let checked: Result<(usize, Option<String>), Vec<LineFault>> = match self.input(record).await {
            None => Err(vec![no_file(record.shown["input_file_id"].as_str().unwrap_or_default())]),
            Some(file) => {
                let in_force = self.client.session.in_force(&self.client.emulator.shared());
                let (settings, own) = (&self.client.emulator.settings, in_force.models.as_deref());
                let knows = |name: &str| {
                    accepted::find(settings, own, name).is_some()
                        || accepted::unlisted(settings, own, record.azure, name)
                };
                crate::runtime::aside(file.len(), || lines::check(&file, record.endpoint(), record.azure, knows))
            }
        };
        self.change("validating", |record| match &checked {
            Ok((count, model)) => record.accept(*count, model.clone()),
            Err(faults) => record.fail(faults),
        })
        .await;
    }

    /// Asks a line. What it answers comes when the script lets it.
    async fn ask(&self, record: &BatchRecord, line: &[u8]) {
        let line: Value = serde_json::from_slice(line).unwrap_or_default();
        let request = InnerRequest {
            path: lines::path(line["url"].as_str().unwrap_or_default()),
            body: line["body"].clone(),
            azure: record.azure,
        };
        let answer = self.client.ask(request).await;
        let mut random = self.random(&record.next.to_string());
        let (entry, failed) = entry(&line["custom_id"], &answer, &mut random);
        let coming = ComingLine {
            entry,
            failed,
            usage: answer.body.get("usage").cloned().unwrap_or_default(),
            due: record.at.saturating_add(answer.wait),
            hold: answer.hold,
        };
        self.change("in_progress", |record| record.coming = Some(coming.clone())).await;
    }

    /// When a line's answer is there. On the instant clock that is now.
    fn arrival(&self, record: &BatchRecord, line: &ComingLine) -> LineArrival {
        let clock = &self.client.session.clock;
        let expires = record.expires();
        if let Some(name) = &line.hold
            && !self.client.session.released.borrow().contains(name)
        {
            return if clock.now() >= expires { LineArrival::Never } else { LineArrival::Later };
        }
        if clock.wait(line.due.min(expires)).is_some() {
            return LineArrival::Later;
        }
        // What was held is there when somebody finds it released.
        let at = if line.hold.is_some() { line.due.max(clock.now()) } else { line.due };
        if at >= expires { LineArrival::Never } else { LineArrival::At(at) }
    }

    async fn arrived(&self, record: &BatchRecord, line: ComingLine, at: Duration) {
        let name = blob(&self.id, record.next, line.failed);
        // What there is no room for is not there, as anything that gave way to newer things.
        let _ = self.client.session.store.put_blob(&name, Bytes::from(format!("{}\n", line.entry))).await;
        self.change("in_progress", |record| {
            record.at = at;
            record.count(&line);
        })
        .await;
    }

    /// Writes the files and ends the batch; `rest` are the lines that nobody will ask any more.
    async fn conclude(&self, record: &BatchRecord, status: &str, at: Duration, rest: &[&[u8]]) {
        let output = self.gather(record, false).await;
        let mut errors = self.gather(record, true).await;
        for (number, line) in (record.next..).zip(rest) {
            let line: Value = serde_json::from_slice(line).unwrap_or_default();
            errors.extend_from_slice(expired(&line["custom_id"], &mut self.random(&number.to_string())).as_bytes());
        }
        let output = self.write(record, "output", output.freeze(), at).await;
        let errors = self.write(record, "error", errors.freeze(), at).await;
        let before = record.status().to_string();
        self.change(&before, |record| {
            if status == "completed" {
                record.becomes("finalizing", at);
            }
            record.becomes(status, at);
            record.coming = None;
            record.shown["output_file_id"] = output.clone().into();
            record.shown["error_file_id"] = errors.clone().into();
            let counts = &mut record.shown["request_counts"];
            counts["failed"] = (counts["failed"].as_u64().unwrap_or_default() + rest.len() as u64).into();
        })
        .await;
        for number in 0..record.next {
            for failed in [false, true] {
                self.client.session.store.remove_blob(&blob(&self.id, number, failed)).await;
            }
        }
    }

    /// The answers of one kind so far, in the order of their lines.
    async fn gather(&self, record: &BatchRecord, failed: bool) -> BytesMut {
        let mut all = BytesMut::new();
        for number in 0..record.next {
            let line = self.client.session.store.blob(&blob(&self.id, number, failed)).await;
            if let Some(Ok(line)) = line.map(|line| line.bytes()) {
                all.extend_from_slice(&line);
            }
        }
        all
    }

    /// A file of the batch; its id, if there is anything to be in it.
    async fn write(&self, record: &BatchRecord, kind: &str, bytes: Bytes, at: Duration) -> Option<String> {
        if bytes.is_empty() {
            return None;
        }
        let new = NewFile {
            purpose: "batch_output",
            name: &format!("{}_{kind}.jsonl", self.id),
            bytes: bytes.len() as u64,
            expires_after: record.output_expires,
        };
        let file = FileRecord::made(&mut self.random(kind), record.unix(at), &new);
        // What is too large for the session is not there, as anything that gave way to newer things.
        file.keep(&self.client.session, bytes).await.ok()?;
        Some(file.id)
    }

    /// The same draws for the same batch, whoever looks.
    fn random(&self, purpose: &str) -> Random {
        let session = &self.client.session;
        Random::new(random::key(session.seed, &[session.name.as_bytes(), self.id.as_bytes(), purpose.as_bytes()]))
    }
}

/// Whether the answer to a line is there.
enum LineArrival {
    At(Duration),
    Later,
    /// Not before the batch expires.
    Never,
}

/// Name of an answered line in the store.
fn blob(batch: &str, number: usize, failed: bool) -> String {
    format!("batch/{batch}/{}/{number}", if failed { "error" } else { "output" })
}

/// The line of the output file, or of the error file, and whether it is the latter.
fn entry(custom_id: &Value, answer: &InnerAnswer, random: &mut Random) -> (String, bool) {
    let id = format!("batch_req_{}", random.hex(32));
    if answer.broken {
        let error =
            json!({"code": "server_error", "message": "The connection was closed before the answer was complete."});
        return (json!({"id": id, "custom_id": custom_id, "response": null, "error": error}).to_string(), true);
    }
    let request_id = answer.request_id.strip_prefix("req_").unwrap_or(&answer.request_id);
    let response = json!({"status_code": answer.status, "request_id": request_id, "body": answer.body});
    let line = json!({"id": id, "custom_id": custom_id, "response": response, "error": null});
    (line.to_string(), !(200..300).contains(&answer.status))
}

/// The line of the error file for a request that was not asked in time.
fn expired(custom_id: &Value, random: &mut Random) -> String {
    let error = json!({"code": "batch_expired",
        "message": "This request could not be executed before the completion window expired."});
    let id = format!("batch_req_{}", random.hex(32));
    format!("{}\n", json!({"id": id, "custom_id": custom_id, "response": null, "error": error}))
}
