//! What answers are made of: errors, ids, headers, and looking into JSON. Knows nobody.

pub(crate) mod dialect;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod field;
pub(crate) mod headers;
pub(crate) mod ids;
