//! What a reply may say.

use super::*;

/// A Reply of one part; what `output` may hold.
static PART: ObjectShape = ObjectShape {
    name: "an output part",
    about: "One part of a reply.",
    fields: &[
        key("text", Text, "The message; \"\" = an empty one."),
        key("json", Any, "The message as compact JSON text; beside status: the body as it is."),
        key("refusal", Text, "The message is a refusal."),
        key("phase", Words(&["commentary", "final_answer"]), "Of the message; else as the model does it."),
        key("annotations", List(&AnyObject, 0, ANY_LENGTH), "Of the message, in the Responses shape."),
        key(
            "reasoning",
            Either(&[Text, List(&Text, 0, ANY_LENGTH)]),
            "A reasoning item with this summary; [] = without.",
        ),
        key("tool_calls", List(&Object(&TOOL_CALL), 0, ANY_LENGTH), "Tool calls, after the message."),
    ],
    with: None,
};

/// One of several answers.
static CHOICE: ObjectShape = ObjectShape {
    name: "a choice",
    about: "One of n answers.",
    fields: &[
        key(
            "output",
            List(&Tagged(&Either(&[Text, Object(&PART)])), 0, ANY_LENGTH),
            "Before the other parts, in this order: Replies of one part, or Responses items.",
        ),
        key("logprobs", List(&Object(&LOGPROB), 0, ANY_LENGTH), "Of the message's tokens; else invented when asked."),
        key("image", Text, "A picture in base64, for images.*."),
        key("audio", Object(&AUDIO), "Sound, for speech and audio models."),
        key(
            "finish_reason",
            Words(&["stop", "length", "tool_calls", "content_filter"]),
            "Else derived from parts and request.",
        ),
    ],
    with: Some(&PART),
};

/// A Reply as an object.
pub(in crate::script) static REPLY: ObjectShape = ObjectShape {
    name: "a reply",
    about: "What the model says, or an error, raw bytes, or who answers instead.",
    fields: &[
        key("choices", List(&Either(&[Text, Object(&CHOICE)]), 1, 128), "For n > 1; fewer than n: the last repeats."),
        key("embedding", EMBEDDING, "One vector for every input, or one per input."),
        key("transcript", Either(&[Text, AnyObject]), "Text, or the fields of a verbose transcription."),
        key("moderation", Object(&MODERATION), "The verdict."),
        key(
            "object",
            AnyObject,
            "Merged over what an operation without a turn would answer; for rules that name the operation.",
        ),
        key("error", Either(&[Text, Object(&ERROR)]), "An error; missing keys are filled as OpenAI fills them."),
        key("raw", Object(&RAW), "Bytes as they are."),
        key("echo", True, "The echo responder answers this step."),
        key("generate", Object(&GENERATE), "The generator answers this step."),
        key(
            "upstream",
            Either(&[True, Object(&UPSTREAM)]),
            "The API that the option upstream names answers this step.",
        ),
        key("manual", Either(&[True, Object(&MANUAL)]), "A person in the control room answers this step."),
        key("replay", True, "A recording answers this step."),
        key("callback", COUNT, ""),
        key("callback_name", Text, ""),
        key("usage", Object(&USAGE), "Overrides of the counted tokens; the total is summed."),
        key("model", Text, "Override of the model's name."),
        key("id", Text, "Override of the id."),
        key("headers", HEADERS, "More response headers."),
        key("check", Bool, "false = the request may forbid this reply."),
        key(
            "dialect",
            Words(&["openai", "vllm"]),
            "Whose additions a chat completion has; vllm: reasoning_content, and usage in every chunk.",
        ),
        key("pace", Object(&PACE), "When each piece leaves."),
        key("fault", Object(&FAULT), "What goes wrong; alone it breaks the fallback's answer."),
        key("status", Integer(100, 599), "LLEmulator's form: HTTP status of error, json, sse or content."),
        key("content", Text, "LLEmulator's form, beside status: the text."),
        key("sse", List(&Object(&SSE), 0, ANY_LENGTH), "LLEmulator's form, beside status: raw events."),
    ],
    with: Some(&CHOICE),
};

static TOOL_CALL: ObjectShape = ObjectShape {
    name: "a tool call",
    about: "name with arguments (function) or input (custom tool); or OpenAI's form.",
    fields: &[
        key("name", Text, "The tool's name."),
        key("arguments", Any, "An object becomes compact JSON in written order; a string stays as it is."),
        key("input", Text, "The input of a custom tool."),
        key("id", Text, "The call's id; else minted."),
        key("type", Words(&["function", "custom"]), "OpenAI's form."),
        key("function", Object(&FUNCTION), "OpenAI's form."),
        key("custom", Object(&CUSTOM), "OpenAI's form."),
    ],
    with: None,
};

static FUNCTION: ObjectShape = ObjectShape {
    name: "a function call",
    about: "OpenAI's form of a function call.",
    fields: &[must("name", Text, "The function's name."), key("arguments", Any, "JSON text, or an object.")],
    with: None,
};

static CUSTOM: ObjectShape = ObjectShape {
    name: "a custom tool call",
    about: "OpenAI's form of a custom tool call.",
    fields: &[must("name", Text, "The tool's name."), key("input", Text, "Its input.")],
    with: None,
};

static LOGPROB: ObjectShape = ObjectShape {
    name: "a log probability",
    about: "Of one token.",
    fields: &[
        must("token", Text, "The token's text."),
        must("logprob", ANY_NUMBER, "Its log probability."),
        key("top_logprobs", List(&Object(&LOGPROB), 0, 20), "The likeliest tokens here."),
    ],
    with: None,
};

static AUDIO: ObjectShape = ObjectShape {
    name: "audio",
    about: "Sound.",
    fields: &[key("data", Text, "Base64; else generated."), key("transcript", Text, "What it says.")],
    with: None,
};

const EMBEDDING: Shape = List(&Either(&[ANY_NUMBER, List(&ANY_NUMBER, 1, ANY_LENGTH)]), 1, ANY_LENGTH);

static MODERATION: ObjectShape = ObjectShape {
    name: "a moderation",
    about: "The verdict on an input.",
    fields: &[
        key("flagged", Bool, "Whether it is flagged; else whether any category is."),
        key("categories", List(&Words(CATEGORIES), 0, ANY_LENGTH), "The categories that apply."),
        key("category_scores", Object(&SCORES), "Scores by category; else drawn."),
    ],
    with: None,
};

const SCORE: Shape = Number(0.0, 1.0);
static SCORES: ObjectShape = ObjectShape {
    name: "scores",
    about: "Scores by category.",
    fields: &[
        key("harassment", SCORE, "Its score."),
        key("harassment/threatening", SCORE, "Its score."),
        key("hate", SCORE, "Its score."),
        key("hate/threatening", SCORE, "Its score."),
        key("illicit", SCORE, "Its score."),
        key("illicit/violent", SCORE, "Its score."),
        key("self-harm", SCORE, "Its score."),
        key("self-harm/instructions", SCORE, "Its score."),
        key("self-harm/intent", SCORE, "Its score."),
        key("sexual", SCORE, "Its score."),
        key("sexual/minors", SCORE, "Its score."),
        key("violence", SCORE, "Its score."),
        key("violence/graphic", SCORE, "Its score."),
    ],
    with: None,
};

/// The categories of omni-moderation (openapi.json, `CreateModerationResponse`).
const CATEGORIES: &[&str] = &[
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

pub(super) static ERROR: ObjectShape = ObjectShape {
    name: "an error",
    about: "An error as the answer; null stays null, a missing key is filled.",
    fields: &[
        key("status", Integer(400, 599), "HTTP status; else by code, else 500."),
        key("message", Either(&[Text, Null]), "error.message."),
        key("type", Either(&[Text, Null]), "error.type."),
        key("code", Either(&[Text, Null]), "error.code."),
        key("param", Either(&[Text, Null]), "error.param."),
        key(
            "retry_after_ms",
            Either(&[Integer(0, WAIT_MS.most()), Null]),
            "retry-after and retry-after-ms; null = neither.",
        ),
        key("headers", HEADERS, "More response headers."),
    ],
    with: None,
};

static RAW: ObjectShape = ObjectShape {
    name: "a raw answer",
    about: "One of body, sse, chunks, events, as it is.",
    fields: &[
        key("status", Integer(200, 599), "HTTP status; default 200."),
        key("headers", HEADERS, "Response headers."),
        key("body", Any, "JSON, or text."),
        key("sse", List(&Object(&SSE), 0, ANY_LENGTH), "Server-sent events."),
        key("chunks", List(&Object(&CHUNK), 0, ANY_LENGTH), "Bytes and when they leave."),
        key("events", List(&Any, 0, ANY_LENGTH), "Frames of a socket."),
    ],
    with: None,
};

static SSE: ObjectShape = ObjectShape {
    name: "an event",
    about: "A server-sent event.",
    fields: &[key("event", Text, "Its name."), must("data", Any, "Text as it is, else compact JSON.")],
    with: None,
};

static CHUNK: ObjectShape = ObjectShape {
    name: "a chunk",
    about: "Bytes, as text or base64.",
    fields: &[
        key("at_ms", Integer(0, WAIT_MS.most()), "Milliseconds from the start; default 0."),
        key("text", Text, "The bytes as text."),
        key("base64", Text, "The bytes in base64."),
    ],
    with: None,
};

static GENERATE: ObjectShape = ObjectShape {
    name: "generate",
    about: "How to generate.",
    fields: &[
        key("length", Words(&["short", "medium", "long"]), "Length of the text."),
        key("seed", Signed(i64::MIN, i64::MAX), "Else the request's seed, else the exchange's."),
        key("tools", Words(&["first", "sequence", "contextual", "random", "none"]), "How tools are chosen."),
        key("style", Words(&["plausible", "plain"]), "Values of structured output."),
    ],
    with: None,
};

static MANUAL: ObjectShape = ObjectShape {
    name: "manual",
    about: "How a person is asked.",
    fields: &[key("timeout_ms", Integer(1, WAIT_MS.most()), "How long the request waits; else manualTimeoutMs.")],
    with: None,
};

static UPSTREAM: ObjectShape = ObjectShape {
    name: "upstream",
    about: "How the upstream is asked.",
    fields: &[
        key("model", Text, "The model it is asked for; else the request's."),
        key("percent", Number(0.0, 100.0), "Share of the requests, drawn from the seed; the others pass on."),
    ],
    with: None,
};

static USAGE: ObjectShape = ObjectShape {
    name: "usage",
    about: "Token counts in either spelling; what is missing is counted.",
    fields: &[
        key("prompt_tokens", COUNT, "Chat's spelling."),
        key("completion_tokens", COUNT, "Chat's spelling."),
        key("input_tokens", COUNT, "Responses' spelling."),
        key("output_tokens", COUNT, "Responses' spelling."),
        key("total_tokens", COUNT, "Else the sum."),
        key("prompt_tokens_details", Map(&COUNT), "cached_tokens, audio_tokens …"),
        key("completion_tokens_details", Map(&COUNT), "reasoning_tokens, audio_tokens …"),
        key("input_tokens_details", Map(&COUNT), "cached_tokens …"),
        key("output_tokens_details", Map(&COUNT), "reasoning_tokens …"),
    ],
    with: None,
};
