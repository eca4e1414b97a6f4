//! `chat.completions`: create, and the stored ones.

pub mod render;
pub mod request;
mod stored;
mod stream;

use super::{Call, HandlerFuture, Operation};
use crate::turn::{self, Rendered};
use render::Facts;
use stream::ChatEvents;

pub const OPERATIONS: &[Operation] = &[
    Operation {
        name: "chat.completions.create",
        method: "POST",
        path: "/chat/completions",
        handler: create,
        turn: true,
    },
    Operation {
        name: "chat.completions.list",
        method: "GET",
        path: "/chat/completions",
        handler: stored::list,
        turn: false,
    },
    Operation {
        name: "chat.completions.retrieve",
        method: "GET",
        path: "/chat/completions/{completion_id}",
        handler: stored::retrieve,
        turn: false,
    },
    Operation {
        name: "chat.completions.update",
        method: "POST",
        path: "/chat/completions/{completion_id}",
        handler: stored::update,
        turn: false,
    },
    Operation {
        name: "chat.completions.delete",
        method: "DELETE",
        path: "/chat/completions/{completion_id}",
        handler: stored::delete,
        turn: false,
    },
    Operation {
        name: "chat.completions.messages.list",
        method: "GET",
        path: "/chat/completions/{completion_id}/messages",
        handler: stored::messages,
        turn: false,
    },
];

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let prompt = request::prompt(&call);
        turn::infer(&call, prompt, |prompt, turn| {
            if let Some(error) = turn.failed {
                return Err(error);
            }
            let facts = Facts::new(&call, prompt, &turn);
            if prompt.stream {
                return Ok(Rendered::Events(Box::new(ChatEvents::new(&call, prompt, turn, facts))));
            }
            Ok(Rendered::Json(render::completion(&call, prompt, &turn, &facts)))
        })
        .await
    })
}
