//! Answers made of nothing but the request and the answer's type: for ids nobody gave, where the option `unknownIds`
//! says so, and for operations that are not served, where a rule gives an object.

use super::list::Page;
use crate::generate::typed::TypedMaker;
use crate::options::UnknownIds;
use crate::random::{self, Random};
use crate::surface::Operation;
use crate::surface::operations::{self, AnswerKind};
use crate::turn::answer::{Answer, Body};
use crate::turn::call::Call;
use crate::wire::error::ApiError;
use crate::wire::ids;
use serde_json::{Map, Value};

/// What ids begin with, by the parameter that names them in a path. Others may be any.
const BEGINNINGS: &[(&str, &[&str])] = &[
    ("assistant_id", &["asst_"]),
    ("batch_id", &["batch_", "vsfb_"]),
    ("completion_id", &["chatcmpl-"]),
    ("container_id", &["cntr_"]),
    ("conversation_id", &["conv_"]),
    ("eval_id", &["eval_"]),
    ("file_id", &["file-", "cfile_"]),
    ("fine_tuning_job_id", &["ftjob-"]),
    ("message_id", &["msg_"]),
    ("response_id", &["resp_"]),
    ("run_id", &["run_", "evalrun_"]),
    ("skill_id", &["skill_"]),
    ("step_id", &["step_"]),
    ("thread_id", &["thread_", "cthr_"]),
    ("upload_id", &["upload_"]),
    ("vector_store_id", &["vs_"]),
    ("video_id", &["video_"]),
];

/// Longest id there is.
const LONGEST: usize = 256;

/// What is known of an object that is not there.
pub(super) struct Imagined {
    operation: &'static Operation,
    given: Map<String, Value>,
    /// The same object looks the same each time.
    key: u64,
    now: u64,
}

impl Imagined {
    /// What may be answered for an unknown id, if the option says so and all ids of the path are well-formed.
    pub(super) fn where_unknown(call: &Call) -> Option<Self> {
        let wanted = call.emulator.settings.unknown_ids == UnknownIds::Synthesize;
        let answers = matches!(call.operation.kind, AnswerKind::Object | AnswerKind::Page | AnswerKind::None);
        let named = !call.params.is_empty() && call.params.iter().all(|(name, id)| is_well_formed(name, id));
        (wanted && answers && named).then(|| Imagined::of(call))
    }

    /// What the request says: its path, its body, when it came.
    pub(super) fn of(call: &Call) -> Self {
        let key = random::key(call.session.seed, &[call.path.as_bytes()]);
        let mut given = Map::new();
        given.extend(call.params.iter().map(|(name, value)| (name.to_string(), Value::from(value.as_str()))));
        given.extend(call.body.as_object().cloned().unwrap_or_default());
        if let Some(id) = id(call, key) {
            given.insert("id".into(), id.into());
        }
        given.insert("created_at".into(), call.created().into());
        Imagined { operation: call.operation, given, key, now: call.created() }
    }

    /// The answer in place of a 404 for what is stored; any other refusal stands.
    pub(super) fn instead_of(&self, error: ApiError) -> Result<Answer, ApiError> {
        // Models are no stored objects: the option `models` says which there are.
        let unknown = error.status == 404 && error.code.as_deref() != Some("model_not_found");
        if unknown { Ok(self.answer()) } else { Err(error) }
    }

    /// An answer of the operation's type.
    pub(super) fn answer(&self) -> Answer {
        let mut random = Random::new(self.key);
        match (self.operation.kind, self.operation.answer) {
            (AnswerKind::Page, _) => Answer::json(&Page::whole(Vec::new()).in_style(self.operation.page)),
            (AnswerKind::Object, Some(name)) => {
                let given = Value::Object(self.given.clone());
                Answer::json(&TypedMaker { random: &mut random, now: self.now }.value(name, &given))
            }
            _ => Answer::ok(Body::Empty),
        }
    }
}

fn is_well_formed(param: &str, id: &str) -> bool {
    let known = BEGINNINGS.iter().find(|(name, _)| *name == param);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    !id.is_empty()
        && id.len() <= LONGEST
        && id.bytes().all(plain)
        && known.is_none_or(|(_, beginnings)| beginnings.iter().any(|one| id.len() > one.len() && id.starts_with(one)))
}

/// The object's id: the last one its path names, or a new one where it is added to what the path names.
fn id(call: &Call, key: u64) -> Option<String> {
    let inside = |other: &&Operation| {
        let rest = other.path.strip_prefix(call.operation.path).and_then(|rest| rest.strip_prefix("/{"));
        rest.is_some_and(|rest| rest.ends_with('}') && !rest.contains('/'))
    };
    let Some(item) = operations::all().iter().find(inside) else {
        return call.params.last().map(|(_, id)| id.clone());
    };
    let param = item.path.rsplit('{').next().unwrap_or_default().trim_end_matches('}');
    if let Some(named) = call.body.get(param).and_then(Value::as_str) {
        return Some(named.to_string());
    }
    let beginning = BEGINNINGS.iter().find(|(name, _)| *name == param).and_then(|(_, beginnings)| beginnings.first());
    Some(ids::plain(beginning.unwrap_or(&""), &mut Random::new(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_their_resource() {
        for (param, id) in [("file_id", "file-abc"), ("file_id", "cfile_1"), ("key_id", "anything-1"), ("model", "gpt")]
        {
            assert!(is_well_formed(param, id), "{param} {id}");
        }
        for (param, id) in [("file_id", "vs_1"), ("file_id", "file-"), ("key_id", ""), ("thread_id", "thread_a b")] {
            assert!(!is_well_formed(param, id), "{param} {id}");
        }
        assert!(!is_well_formed("key_id", &"k".repeat(LONGEST + 1)));
    }

    #[test]
    fn beginnings_are_of_parameters_there_are() {
        for (param, _) in BEGINNINGS {
            let named = format!("{{{param}}}");
            assert!(operations::all().iter().any(|operation| operation.path.contains(&named)), "{param}");
        }
    }
}
