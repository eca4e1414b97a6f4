//! `vector_stores`: files whose text is cut into passages, and searches that rank them.
//!
//! [`store`] is a store and its life, [`files`] what is in it, [`batches`] files that come together; [`chunks`] cuts texts, [`pdf`] and
//! [`office`] read them, [`filters`] and [`rank`] choose passages, [`search`] answers searches and what the `file_search` tool of Responses asks.

mod batches;
mod chunks;
mod files;
mod filters;
mod office;
mod pdf;
mod rank;
pub(crate) mod search;
pub(crate) mod store;

use crate::turn::call::Served;

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "vector_stores.create", handler: store::create },
    Served { name: "vector_stores.retrieve", handler: store::retrieve },
    Served { name: "vector_stores.update", handler: store::update },
    Served { name: "vector_stores.list", handler: store::list },
    Served { name: "vector_stores.delete", handler: store::delete },
    Served { name: "vector_stores.search", handler: search::search },
    Served { name: "vector_stores.files.create", handler: files::create },
    Served { name: "vector_stores.files.retrieve", handler: files::retrieve },
    Served { name: "vector_stores.files.update", handler: files::update },
    Served { name: "vector_stores.files.list", handler: files::list },
    Served { name: "vector_stores.files.delete", handler: files::delete },
    Served { name: "vector_stores.files.content", handler: files::content },
    Served { name: "vector_stores.file_batches.create", handler: batches::create },
    Served { name: "vector_stores.file_batches.retrieve", handler: batches::retrieve },
    Served { name: "vector_stores.file_batches.cancel", handler: batches::cancel },
    Served { name: "vector_stores.file_batches.list_files", handler: batches::list_files },
];
