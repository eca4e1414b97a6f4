//! `content_provenance_checks`: whether a file says, or hides, that a model made it. C2PA's boxes are looked for; a
//! watermark nobody outside can see, so it is never detected.

use crate::api::files::kept;
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture, Served};
use serde_json::json;
use std::io::Read;

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[Served { name: "content_provenance_checks.create", handler: create }];

/// The label of a C2PA manifest store's box (C2PA 2.1 §11.1).
const LABEL: &[u8] = b"c2pa";
/// The type of the boxes that hold it (ISO 19566-5).
const BOX: &[u8] = b"jumb";

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let file = call.file("file")?;
        let seen = crate::runtime::aside(file.len as usize, || holds(&mut file.reader(), &[BOX, LABEL]));
        let found = seen.map_err(|error| kept::unread(&error))?.into_iter().all(|seen| seen);
        let (outcome, state) = if found { ("detected", "invalid") } else { ("not_detected", "not_present") };
        Ok(Answer::json(&json!({
            "created_at": call.created(), "object": "content_provenance_check",
            "results": [
                // Whether it was signed by whom it says is not checked.
                {"generated_at": null, "issuer": null, "model": null, "outcome": outcome, "type": "c2pa",
                    "validation_state": state},
                {"generated_at": null, "model": null, "outcome": "not_detected", "type": "synthid"},
            ],
        })))
    })
}

/// Which of these are in a file, read piece by piece.
fn holds(reader: &mut impl Read, wanted: &[&[u8]]) -> std::io::Result<Vec<bool>> {
    let longest = wanted.iter().map(|one| one.len()).max().unwrap_or(1);
    let (mut window, mut piece) = (Vec::new(), [0; 16 * 1024]);
    let mut found = vec![false; wanted.len()];
    loop {
        let count = reader.read(&mut piece)?;
        if count == 0 {
            return Ok(found);
        }
        window.extend_from_slice(&piece[..count]);
        for (found, one) in found.iter_mut().zip(wanted) {
            *found = *found || window.windows(one.len()).any(|bytes| bytes == *one);
        }
        // One may lie across two pieces.
        window.drain(..window.len().saturating_sub(longest - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_wherever_they_lie() {
        for at in [0, 16 * 1024 - 2, 40_000] {
            let mut bytes = vec![b'x'; at];
            bytes.extend(b"c2pa");
            let found = holds(&mut bytes.as_slice(), &[LABEL, BOX]).expect("memory reads");
            assert_eq!(found, [true, false], "{at}");
        }
    }
}
