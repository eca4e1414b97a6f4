//! Runs of evals and graders: each item is sampled as any other request and graded.
//!
//! Evals themselves are only stored (see [`objects`](super::objects)). [`graders`] grade, [`similarity`] compares texts,
//! [`template`] fills in `{{ item.… }}`, [`run`] is a run, [`work`] what it does when its time has come.

mod graders;
mod run;
mod similarity;
mod template;
mod work;

use crate::turn::call::Served;

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "evals.runs.create", handler: run::create },
    Served { name: "evals.runs.retrieve", handler: run::retrieve },
    Served { name: "evals.runs.list", handler: run::list },
    Served { name: "evals.runs.cancel", handler: run::cancel },
    Served { name: "evals.runs.delete", handler: run::delete },
    Served { name: "evals.runs.output_items.list", handler: run::list_items },
    Served { name: "evals.runs.output_items.retrieve", handler: run::retrieve_item },
    Served { name: "fine_tuning.alpha.graders.run", handler: graders::run },
    Served { name: "fine_tuning.alpha.graders.validate", handler: graders::validate },
];
