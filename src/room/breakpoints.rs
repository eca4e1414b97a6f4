//! The routes of breakpoints.

use crate::emulator::Emulator;
use crate::room::RoomRequest;
use crate::wire::error::ApiError;
use serde_json::{Value, json};

pub(super) fn handle(emulator: &Emulator, request: &RoomRequest, path: &[&str]) -> Result<Value, ApiError> {
    let breakpoints = &emulator.desk.breakpoints;
    let list = || json!({"object": "list", "data": breakpoints.list()});
    let value = match (request.method, path) {
        ("GET", []) => return Ok(list()),
        ("POST", []) => breakpoints.add(&request.object()?)?,
        ("PUT", []) => {
            let mut given = request.object()?;
            match given.remove("data") {
                Some(Value::Array(data)) => breakpoints.replace(&data)?,
                Some(other) => return Err(ApiError::invalid_type("data", "a list of breakpoints", &other)),
                None => return Err(ApiError::missing("data")),
            }
            list()
        }
        ("DELETE", []) => {
            breakpoints.clear();
            json!({"success": true})
        }
        ("DELETE", [id]) => {
            if !breakpoints.delete(id) {
                let message = format!("There is no breakpoint {id:?}: GET /api/breakpoints lists them.");
                return Err(ApiError::new(404, message).code("not_found"));
            }
            json!({"success": true})
        }
        _ => return Err(request.unknown()),
    };
    emulator.desk.events.tell("breakpoints_changed", || json!({}));
    Ok(value)
}
