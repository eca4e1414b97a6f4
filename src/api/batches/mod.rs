//! `batches`: a file of requests, each answered like one that comes alone, in the order of its lines.
//!
//! Nothing runs while nobody looks: whoever asks for a batch finds the lines answered whose time has come on the session's
//! clock. [`lines`] reads and checks them, [`work`] answers them, [`record`] is what is kept of a batch.

mod lines;
mod record;
mod work;

use crate::api::list::{Order, Page};
use crate::options::Validation;
use crate::session::store::Stored;
use crate::surface::shape::{Depth, Kind, Shapes};
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture, Served};
use crate::turn::within::InnerClient;
use crate::wire::error::ApiError;
use record::BatchRecord;
use work::BatchWork;

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "batches.create", handler: create },
    Served { name: "batches.retrieve", handler: retrieve },
    Served { name: "batches.list", handler: list },
    Served { name: "batches.cancel", handler: cancel },
];

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        endpoint_is_known(&call)?;
        let record = BatchRecord::new(&call);
        call.session.store.put(record.id(), &record).await?;
        Ok(answer(&record))
    })
}

/// Refuses elsewhere the names that Azure alone has for endpoints, those without `/v1`, as any other unknown value.
fn endpoint_is_known(call: &Call) -> Result<(), ApiError> {
    let named = call.body["endpoint"].as_str().unwrap_or_default();
    if call.azure || named.starts_with("/v1/") || call.emulator.settings.validation == Validation::Off {
        return Ok(());
    }
    let known: Vec<&str> = Shapes::body(call.operation, Depth::Documented)
        .and_then(|shapes| {
            let object = shapes.object()?;
            match shapes.kind(object.fields.get(object.find("endpoint")?)?.kind) {
                Kind::Enum { listed, .. } => Some(listed.iter().map(String::as_str).collect()),
                _ => None,
            }
        })
        .unwrap_or_default();
    Err(ApiError::invalid_value("endpoint", named, &known))
}

fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move {
        find(&call).await?;
        look(&call, call.param("batch_id")).await;
        Ok(answer(&find(&call).await?))
    })
}

fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        for stored in call.session.store.all::<BatchRecord>().await {
            if stored.read::<BatchRecord>().is_some_and(|record| !record.is_over()) {
                look(&call, &stored.id).await;
            }
        }
        let show = |stored: &Stored| Some(stored.read::<BatchRecord>()?.shown);
        Ok(Answer::json(&Page::stored::<BatchRecord>(&call, Order::NewestFirst, &show).await))
    })
}

/// Stops a batch: lines that are answered stay, the others are never asked.
fn cancel(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("batch_id");
        let now = call.session.clock.now();
        let stopped =
            call.session.store.update(id, |record: &mut BatchRecord| record.cancel(now).map(|()| record.clone()));
        let record = stopped.await.unwrap_or_else(|| Err(unknown(id)))?;
        Ok(answer(&record))
    })
}

/// Lets a batch become what it is by now.
async fn look(call: &Call, id: &str) {
    let work = BatchWork { client: InnerClient::of(call), id: id.to_string() };
    call.session.go_on(&format!("batch/{id}"), work.go_on()).await;
}

async fn find(call: &Call) -> Result<BatchRecord, ApiError> {
    let id = call.param("batch_id");
    call.session.store.get(id).await.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("No batch found with id '{id}'."))
}

fn answer(record: &BatchRecord) -> Answer {
    Answer::polled(&record.shown, !record.is_over())
}
