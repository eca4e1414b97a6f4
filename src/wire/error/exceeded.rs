//! What goes over a bound of the emulator's own: bodies, memory, the disk, time.

use super::ApiError;
use std::time::Duration;

/// 413 of a body over the limit.
pub(crate) fn too_large(limit: usize) -> ApiError {
    ApiError::new(413, format!("Request body too large: the limit is {limit} bytes (option maxBodyBytes)."))
}

/// 413 of a zipped body that would become too large for what came.
pub(crate) fn bursts(came: usize, ratio: usize) -> ApiError {
    ApiError::new(
        413,
        format!(
            "Request body too large: unzipped it is more than {ratio} times the {came} bytes that were sent. Send it \
             unzipped."
        ),
    )
}

/// 413 of a JSON text with more values than memory is given for them.
pub(crate) fn too_many_values(most: usize) -> ApiError {
    let message =
        format!("Request body too large: its JSON has more than {most} values (option maxBodyBytes gives more).");
    ApiError::new(413, message)
}

/// 413 of something that would have to be kept and finds no room; `keeper` is what keeps it, `option` what gives it more.
pub(crate) fn no_room(keeper: &str, used: usize, most: usize, option: &str) -> ApiError {
    let message = format!(
        "No memory left: {keeper} may keep {most} bytes, and with this would keep {used}. Reset or end sessions that are \
         done, or raise the option {option}."
    );
    ApiError { status: 413, ..ApiError::emulator("memory_exhausted", message) }.kind("invalid_request_error")
}

/// 413 of something that has as many parts as a session may have objects.
pub(crate) fn no_more(keeper: &str, parts: &str, most: usize) -> ApiError {
    let message = format!("{keeper} may have {most} {parts}: delete some, or raise the option maxObjects.");
    ApiError::new(413, message).code("memory_exhausted")
}

/// 413 of a file that the disk's bound has no room for.
pub(crate) fn no_room_on_disk(more: usize, most: usize) -> ApiError {
    let message = format!(
        "No room on the disk: the files of all sessions may keep {most} bytes, and {more} more are too many. Delete files, \
         reset or end sessions that are done, or raise the option maxDiskBytes."
    );
    ApiError { status: 413, ..ApiError::emulator("disk_exhausted", message) }.kind("invalid_request_error")
}

/// 413 of a large file where too many are open.
pub(crate) fn too_many_files() -> ApiError {
    let message = "The emulator keeps as many large files as it may without a folder for them: delete some, reset or end \
                   sessions that are done, or give it one (option dataDir).";
    ApiError { status: 413, ..ApiError::emulator("disk_exhausted", message) }.kind("invalid_request_error")
}

/// 408 of a body whose bytes stopped coming.
pub(crate) fn stalled(patience: Duration) -> ApiError {
    ApiError::new(
        408,
        format!(
            "Timed out reading the request body: nothing came for {} ms (option bodyTimeoutMs).",
            patience.as_millis()
        ),
    )
    .code("request_timeout")
    .header("connection", "close")
}
