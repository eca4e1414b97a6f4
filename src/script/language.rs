//! The script language, key by key. The parser checks against these descriptions and the published schema is made from
//! them.

mod reply;

use crate::bounds::{self, RATE, WAIT_MS};
use crate::script::shape::ObjectShape;
use crate::script::shape::Shape;
use crate::script::shape::Shape::*;
use crate::script::shape::key;
use crate::script::shape::must;
use reply::ERROR;
pub(super) use reply::REPLY;

const ANY_LENGTH: usize = usize::MAX;

/// A Reply in full.
pub(super) static REPLY_SHAPE: Shape = Either(&[Text, Object(&REPLY)]);
/// One item of a list of responses: a rule, or a Reply that is one.
static STEP_SHAPE: Shape = Either(&[Text, Object(&STEP)]);
pub(super) static MATCH_SHAPE: Shape = Either(&[Regex, Object(&MATCH)]);
/// What frames the body (`content-length`, `transfer-encoding`) is always the server's own.
const HEADERS: Shape = Map(&Text);
const COUNT: Shape = Integer(0, bounds::COUNT.most());
const ANY_NUMBER: Shape = Number(f64::NEG_INFINITY, f64::INFINITY);
/// Milliseconds: a number, or from and to.
const WAIT: Shape = Number(WAIT_MS.from, WAIT_MS.to);
const MILLISECONDS: Shape = Either(&[WAIT, List(&WAIT, 2, 2)]);

pub(super) static SCRIPT: ObjectShape = ObjectShape {
    name: "the script",
    about: "What a session's \"model\" says, and when.",
    fields: &[
        key("$schema", Text, "This schema's address, for editors."),
        key("extends", Either(&[Text, List(&Text, 1, ANY_LENGTH)]), "In script files: files whose script comes first."),
        key("reset", Bool, "Forget the old script, counters and models first; else append."),
        key(
            "models",
            Either(&[Words(&["any"]), List(&Either(&[Text, Object(&MODEL)]), 0, ANY_LENGTH), Null]),
            "Replaces the catalogue; a first entry \"...\" keeps it too; \"any\" accepts every name; [] keeps it.",
        ),
        key("defaults", Either(&[Object(&DEFAULTS), Null]), "What holds for every reply of the session."),
        key(
            "responses",
            Either(&[Text, List(&STEP_SHAPE, 0, ANY_LENGTH), Map(&REPLY_SHAPE), Null]),
            "One reply; a list of steps in order; or a map from regex to reply, unlimited, in written order.",
        ),
        key("rules", Either(&[List(&STEP_SHAPE, 0, ANY_LENGTH), Null]), "Rules after those of responses."),
        key("called_at", Text, ""),
    ],
    with: None,
};

static MODEL: ObjectShape = ObjectShape {
    name: "a model",
    about: "A model of the session's catalogue.",
    fields: &[
        must("id", Text, "Its name."),
        key("context_window", COUNT, "Tokens of prompt and answer together."),
        key("max_output_tokens", COUNT, "Tokens of the answer."),
        key("owned_by", Text, "As the model list shows it."),
    ],
    with: None,
};

static DEFAULTS: ObjectShape = ObjectShape {
    name: "defaults",
    about: "What holds for every reply of the session.",
    fields: &[
        key("pace", Object(&PACE), "Pace of replies that say none."),
        key("fallback", Same(&FALLBACK_SHAPE), "Who answers when no rule does."),
        key("on_unmatched", Same(&FALLBACK_SHAPE), "Another name of fallback."),
        key("check_replies", Words(&["fail", "warn", "off"]), "What a reply the request forbids leads to."),
        key("rate_limits", Map(&Object(&RATE_LIMIT)), "Limits by model."),
        key("chaos", List(&Object(&CHAOS), 0, ANY_LENGTH), "Failures before any rule; they use no step."),
    ],
    with: None,
};

/// The words a fallback may be; a Reply is the other form.
pub(super) const FALLBACKS: &[&str] = &["error", "echo", "generate", "upstream", "manual", "replay"];

static FALLBACK_SHAPE: Shape = Either(&[Words(FALLBACKS), Object(&REPLY)]);

static RATE_LIMIT: ObjectShape = ObjectShape {
    name: "a rate limit",
    about: "Limits of one model.",
    fields: &[
        key("rpm", COUNT, "Requests a minute."),
        key("tpm", COUNT, "Tokens a minute."),
        key("rpd", COUNT, "Requests a day."),
        key("tpd", COUNT, "Tokens a day."),
    ],
    with: None,
};

static CHAOS: ObjectShape = ObjectShape {
    name: "a chaos entry",
    about: "A failure, and how often: one of probability, every, first.",
    fields: &[
        key("error", Either(&[Text, Object(&ERROR)]), "Answer with this error."),
        key("fault", Object(&FAULT), "Break the answer on its way."),
        key("probability", Number(0.0, 1.0), "Of every turn, drawn from the seed."),
        key("every", Integer(1, bounds::COUNT.most()), "Every n-th turn."),
        key("first", COUNT, "The first n turns."),
    ],
    with: None,
};

/// The keys that make an object in a list a rule.
pub(super) static STEP: ObjectShape = ObjectShape {
    name: "a rule",
    about: "When to answer, what, and how often. The reply's keys may stand beside the rule's.",
    fields: &[
        key("match", Same(&MATCH_SHAPE), "Which requests; none = any. A string is a regex searched in the user text."),
        key("pattern", Same(&MATCH_SHAPE), "Another name of match."),
        key("response", Same(&REPLY_SHAPE), "The reply."),
        key("responses", List(&REPLY_SHAPE, 1, ANY_LENGTH), "Replies given in turn, the last one repeating."),
        key(
            "times",
            Either(&[ANY_NUMBER, Words(&["unlimited"])]),
            "Uses; default 1, or the number of responses. Below 0 = unlimited, 0 = never.",
        ),
        key(
            "expect",
            Same(&MATCH_SHAPE),
            "Checked once the rule is chosen; if it fails, the request fails with the diff.",
        ),
        key("optional", Bool, "Never counts as unused."),
        key("name", Text, "For messages and the journal."),
    ],
    with: Some(&REPLY),
};

pub(super) static MATCH: ObjectShape = ObjectShape {
    name: "a match",
    about: "Conditions on a request; all must hold.",
    fields: &[
        key("user", Regex, "Searched in the last user message, else the prompt or input text."),
        key("system", Regex, "Searched in every system and developer message."),
        key("any_message", Regex, "Searched in every message."),
        key("model", Text, "Exact, or a regex in /…/."),
        key("operation", Text, "chat, responses, or the SDK's name (files.create); files.* = all of it."),
        key("tool_offered", Text, "A tool of this name is offered."),
        key(
            "tool_result",
            Either(&[Text, Object(&TOOL_RESULT), False]),
            "Name of the tool answered last, or its name and text; false = none was.",
        ),
        key("turn", COUNT, "Number of assistant turns so far."),
        key("stream", Bool, "Whether a stream is asked."),
        key("format", Words(&["text", "json_object", "json_schema"]), "The output format asked."),
        key("header", Map(&Regex), "Regexes by header name."),
        key("body", Any, "JSON the body must contain."),
        key("json", Any, "Another name of body."),
        key("path", Text, "Normalised to /v1/…, without query; exact, or a regex in /…/."),
        key("method", Text, "Of HTTP, in any case."),
        key("not", Same(&MATCH_SHAPE), "Must not hold."),
    ],
    with: None,
};

static TOOL_RESULT: ObjectShape = ObjectShape {
    name: "a tool result",
    about: "The result of the tool answered last.",
    fields: &[key("tool", Text, "The tool's name."), key("text", Regex, "Searched in the result.")],
    with: None,
};

pub(super) static PACE: ObjectShape = ObjectShape {
    name: "pace",
    about: "When each piece leaves, from the start of the answer.",
    fields: &[
        key("ttft_ms", MILLISECONDS, "Milliseconds before the first content: n, or [min, max] drawn from the seed."),
        key("tokens_per_second", Number(RATE.from, RATE.to), "Speed after the first content."),
        key("delay_ms", MILLISECONDS, "Milliseconds after each piece: n or [min, max]."),
        key(
            "chunk",
            Either(&[Words(&["token", "word", "char"]), Object(&CHUNK_TOKENS), List(&Text, 1, ANY_LENGTH)]),
            "How text is cut: token (default), word, char, n tokens, or exact pieces.",
        ),
        key("hold", Object(&HOLD), "Wait after some chunks until released."),
        key(
            "keep_alive_ms",
            Number(1.0, WAIT_MS.to),
            "A comment in the stream for every so many milliseconds without an event.",
        ),
    ],
    with: None,
};

static CHUNK_TOKENS: ObjectShape = ObjectShape {
    name: "a chunk size",
    about: "Tokens a piece.",
    fields: &[must("tokens", Integer(1, 100_000), "How many.")],
    with: None,
};

static HOLD: ObjectShape = ObjectShape {
    name: "hold",
    about: "Wait until released by name.",
    fields: &[
        key("after_chunks", COUNT, "Chunks that leave before; default 0."),
        must("until", Text, "The name to release."),
    ],
    with: None,
};

pub(super) static FAULT: ObjectShape = ObjectShape {
    name: "fault",
    about: "What goes wrong on the way.",
    fields: &[
        key(
            "at",
            Either(&[COUNT, Words(&["connect", "headers"])]),
            "After n content-bearing deltas (default 0), before any byte, or after the headers.",
        ),
        must(
            "kind",
            Words(&["disconnect", "close", "stall", "malformed", "error"]),
            "TCP reset; closed (FIN) though the answer is not over; silence; an event that is no JSON; the API's error.",
        ),
        key("error", Either(&[Text, Object(&ERROR)]), "With kind error: which."),
        key("stall_ms", Integer(0, WAIT_MS.most()), "With kind stall: how long; else until the client leaves."),
    ],
    with: None,
};
