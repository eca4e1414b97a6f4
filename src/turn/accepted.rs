//! Which model names a session accepts: its script's, the catalogue's, those of the option `models`.

use crate::options::Settings;
use crate::script::ModelEntry;
use crate::script::Models;
use crate::turn::models;
use crate::turn::models::Model;

/// The models a session lists, in order: the script's own, else the catalogue and the option `models`.
pub(crate) fn listed(settings: &Settings, own: Option<&Models>) -> Vec<Model> {
    let mut all = Vec::new();
    let catalogue = || models::catalogue().iter().filter(|model| !model.deprecated).cloned();
    match own {
        Some(Models::List { keep_catalogue, entries }) => {
            if *keep_catalogue {
                all.extend(catalogue());
            }
            for entry in entries {
                all.retain(|known: &Model| known.id != entry.id);
                all.push(own_model(entry));
            }
        }
        _ => {
            all.extend(catalogue());
            let listed = |name: &&String| !all.iter().any(|model| model.id == **name);
            let more: Vec<Model> =
                settings.models.iter().filter(listed).map(|name| Model::custom(name, None, None, None)).collect();
            all.extend(more);
        }
    }
    all
}

fn own_model(entry: &ModelEntry) -> Model {
    Model::custom(&entry.id, entry.context_window, entry.max_output_tokens, entry.owned_by.as_deref())
}

/// Whether a model is accepted that nobody lists: see [`crate::turn::call::Call::accepts_unlisted`].
pub(crate) fn unlisted(settings: &Settings, own: Option<&Models>, azure: bool, name: &str) -> bool {
    match own {
        Some(Models::Any) => true,
        Some(Models::List { .. }) => false,
        None => azure || settings.unlisted.accepts(name),
    }
}

/// A model by name, if the session knows it: `own` are the models its script names.
pub(crate) fn find(settings: &Settings, own: Option<&Models>, name: &str) -> Option<Model> {
    match own {
        Some(Models::List { keep_catalogue, entries }) => {
            let own = entries.iter().find(|entry| entry.id == name).map(own_model);
            own.or_else(|| keep_catalogue.then(|| models::find(name)).flatten())
        }
        _ => models::find(name)
            .or_else(|| settings.models.iter().any(|own| own == name).then(|| Model::custom(name, None, None, None))),
    }
}
