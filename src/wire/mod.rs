//! What requests and answers are made of: headers, forms, errors, events, ids, and looking into JSON. Knows nobody.

pub(crate) mod azure;
pub(crate) mod blob;
pub(crate) mod dialect;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod field;
pub(crate) mod form;
pub(crate) mod headers;
pub(crate) mod ids;
pub(crate) mod json;
pub(crate) mod value;
