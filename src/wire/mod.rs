//! What answers are made of: errors, ids, headers, and looking into JSON. Knows nobody.

pub mod error;
pub mod event;
pub mod field;
pub mod headers;
pub mod ids;
