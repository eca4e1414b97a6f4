//! Scripts that load and scripts that are refused, with the place and a word of the remedy.

use serde_json::{Value, json};

/// Scripts that load; the schema must accept them too.
pub(super) fn good() -> Vec<Value> {
    vec![
        json!({}),
        json!({"$schema": "./script.schema.json", "$comment": "all forms", "reset": true}),
        json!({"responses": null, "rules": null, "models": null, "defaults": null}),
        json!({"responses": "Hello"}),
        json!({"responses": []}),
        json!({"responses": {}}),
        json!({"responses": ["one", {"text": "two"}, {"pattern": "help", "response": "How can I help?", "times": 2}]}),
        json!({"responses": {"hello": "Hi", ".*weather.*": {"text": "Sunny"}, "\\d+\\s*\\+\\s*\\d+": "No math"}}),
        json!({"responses": ["first", {"match": "error", "error": "Something went wrong", "status": 500}],
               "defaults": {"on_unmatched": "error"}}),
        json!({"rules": [{"match": {"method": "POST", "path": "/v1/chat/completions", "json": {"model": "gpt-4"}},
                          "times": 1, "response": {"status": 200, "json": {"id": "x", "choices": []}}},
                         {"match": {"path": "/v1/chat/completions"}, "response": {"status": 200, "content": "I'm GPT-4!"}},
                         {"match": "sse", "response": {"status": 200, "sse": [{"data": {"a": 1}}, {"data": "[DONE]"}]}}]}),
        json!({"models": ["gpt-4o", {"id": "my-model", "context_window": 8192}]}),
        json!({"models": ["...", "mine"]}),
        json!({"models": "any"}),
        json!({"models": []}),
        json!({"defaults": {"pace": {"ttft_ms": [10, 20], "tokens_per_second": 40}, "fallback": "echo", "check_replies": "warn",
                            "rate_limits": {"gpt-4o": {"rpm": 3, "tpm": 1000}},
                            "chaos": [{"error": {"status": 503}, "probability": 0.05},
                                      {"fault": {"kind": "disconnect", "at": 3}, "every": 10},
                                      {"error": {"status": 429}, "first": 2}]}}),
        json!({"defaults": {"fallback": {"generate": {"length": "short", "seed": -3, "tools": "first", "style": "plain"}}}}),
        json!({"rules": [{"name": "all keys", "match": {"user": "/a/i", "system": "b", "any_message": "c", "model": "/^gpt-4/",
            "operation": "files.*", "tool_offered": "t", "tool_result": {"tool": "t", "text": "x"}, "turn": 1, "stream": true,
            "format": "json_schema", "header": {"X-Team": "^a$"}, "body": {"n": 1}, "path": "/files/.*/", "method": "post",
            "not": "bye"}, "expect": {"tool_result": false}, "optional": true, "times": "unlimited", "responses": ["a", {"text": "b"}]}]}),
        json!({"responses": good_steps()}),
    ]
}

/// Items of a list of responses that load.
pub(super) fn good_steps() -> Vec<Value> {
    vec![
        json!({"reasoning": "hm", "text": "Hello", "phase": "final_answer", "annotations": [{"type": "url_citation"}],
             "tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}, "id": "call_1"}],
             "logprobs": [{"token": "Hello", "logprob": -0.1, "top_logprobs": [{"token": "Hi", "logprob": -2}]}],
             "finish_reason": "length", "usage": {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}},
             "model": "m", "id": "i", "headers": {"X-A": "b"}, "check": false,
             "pace": {"delay_ms": 5, "chunk": {"tokens": 3}, "hold": {"after_chunks": 2, "until": "go"}},
             "fault": {"at": "headers", "kind": "stall", "stall_ms": 1000}}),
        json!({"output": [{"reasoning": ["a", "b"]}, "text", {"text": "t", "annotations": []}, {"type": "web_search_call", "action": {}}]}),
        json!({"choices": ["one", {"text": "two", "finish_reason": "stop"}], "usage": {"total_tokens": 9}}),
        json!({"choices": [{"image": "aGk="}, {"image": "aGk="}]}),
        json!({"json": {"b": 1, "a": [2]}}),
        json!({"refusal": "no"}),
        json!({"reasoning": []}),
        json!({"tool_calls": []}),
        json!({"embedding": [0.1, 2]}),
        json!({"embedding": [[0.1], [2]]}),
        json!({"image": "aGk="}),
        json!({"audio": {"data": "aGk=", "transcript": "hi"}}),
        json!({"transcript": "hi"}),
        json!({"transcript": {"text": "hi", "duration": 2}}),
        json!({"moderation": {"flagged": true, "categories": ["violence"]}}),
        json!({"error": {"status": 429, "message": null, "retry_after_ms": null, "headers": {"x": "y"}}}),
        json!({"error": {"code": "insufficient_quota"}}),
        json!({"raw": {"status": 200, "body": {"any": "json"}}}),
        json!({"raw": {"sse": [{"event": "e", "data": 1}]}}),
        json!({"raw": {"chunks": [{"at_ms": 5, "text": "a"}, {"base64": "aGk="}]}}),
        json!({"raw": {"events": [{"type": "x"}]}}),
        json!({"echo": true}),
        json!({"generate": {}}),
        json!({"fault": {"kind": "disconnect"}}),
        json!({"text": "x", "fault": {"at": 3, "kind": "error", "error": {"status": 500}}}),
        json!({"finish_reason": "length"}),
        json!({"text": "x", "pace": {"chunk": ["ex", "act"]}}),
        json!({"tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}, {"name": "c", "input": "x"}]}),
        json!({"error": {"status": 429}, "times": 2}),
        json!({"pattern": "weather", "tool_calls": [{"name": "f"}]}),
        json!({"match": "a", "responses": ["b", "c"], "pace": {"ttft_ms": 5}, "fault": {"kind": "close", "at": 1}}),
    ]
}

/// Scripts that are refused, the path of the fault, and a word of the message.
pub(super) fn bad() -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (json!([]), "", "expected an object"),
        (json!({"response": ["x"]}), "response", "did you mean \"responses\""),
        (json!({"responses": 5}), "responses", "expected a string"),
        (json!({"responses": ["a", 5]}), "responses[1]", "expected a string, or an object (a rule), got 5"),
        (
            json!({"responses": [{"pattern": "a", "response": "b", "tims": 2}]}),
            "responses[0].tims",
            "did you mean \"times\"",
        ),
        (
            json!({"responses": [{"pattern": "a", "response": "b", "times": "2"}]}),
            "responses[0].times",
            "\"unlimited\"",
        ),
        (json!({"responses": [{"contents": "a"}]}), "responses[0].contents", "did you mean \"content\""),
        (json!({"responses": {"a": {"times": 2}}}), "responses.a.times", "unknown key"),
        (json!({"rules": [{"match": {"usr": "x"}, "text": "a"}]}), "rules[0].match.usr", "did you mean \"user\""),
        (json!({"rules": [{"match": {"format": "xml"}, "text": "a"}]}), "rules[0].match.format", "json_schema"),
        (json!({"rules": [{"responses": [], "match": "x"}]}), "rules[0].responses", "not empty"),
        (json!({"defaults": {"fallback": "ehco"}}), "defaults.fallback", "\"echo\""),
        (json!({"defaults": {"chaos": [{"probability": 2}]}}), "defaults.chaos[0].probability", "from 0 to 1"),
        (json!({"models": [{"name": "x"}]}), "models[0].name", "unknown key"),
        (json!({"models": [{"context_window": 5}]}), "models[0]", "needs \"id\""),
        (json!({"responses": [{"text": "a", "fault": {"kind": "explode"}}]}), "responses[0].fault.kind", "disconnect"),
        (json!({"responses": [{"text": "a", "pace": {"ttft_ms": -5}}]}), "responses[0].pace.ttft_ms", "from 0"),
        (json!({"responses": [{"echo": false}]}), "responses[0].echo", "expected true"),
        (json!({"responses": [{"error": {"status": 200}}]}), "responses[0].error.status", "from 400"),
        (
            json!({"responses": [{"moderation": {"categories": ["rudeness"]}}]}),
            "responses[0].moderation.categories[0]",
            "violence",
        ),
        (json!({"responses": [{"callback": "x"}]}), "responses[0].callback", "expected a whole number"),
    ]
}

/// Refused by the parser alone: what no schema says.
pub(super) fn bad_beyond_schema() -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (json!({"responses": {"(": "x"}}), "responses[\"(\"]", "does not compile"),
        (json!({"responses": [{"match": "a(?=b)", "text": "x"}]}), "responses[0].match", "look-around"),
        (json!({"responses": [{"match": "(a)\\1", "text": "x"}]}), "responses[0].match", "backreferences"),
        (json!({"responses": [{"match": "a{1000}{1000}", "text": "x"}]}), "responses[0].match", "too big"),
        (json!({"responses": [{"match": "a"}]}), "responses[0]", "no reply"),
        (json!({"responses": [{}]}), "responses[0]", "no reply"),
        (json!({"responses": [{"match": "a", "pattern": "b", "text": "x"}]}), "responses[0]", "two names"),
        (json!({"responses": [{"response": "a", "text": "x"}]}), "responses[0].text", "belongs in there"),
        (json!({"responses": [{"response": "a", "responses": ["x"]}]}), "responses[0]", "exclude each other"),
        (json!({"responses": [{"text": "a", "error": {"status": 500}}]}), "responses[0]", "error and text"),
        (json!({"responses": [{"text": "a", "json": {}}]}), "responses[0]", "text and json"),
        (json!({"responses": [{"refusal": "a", "annotations": []}]}), "responses[0].annotations", "cites nothing"),
        (json!({"responses": [{"responses": ["a", "b"], "times": 1}]}), "responses[0].times", "could never come"),
        (
            json!({"responses": [{"raw": {"body": "a"}, "fault": {"kind": "error", "error": {"status": 503}}}]}),
            "responses[0].fault",
            "still had to say",
        ),
        (json!({"responses": [{"usage": {"total_tokens": 3}}]}), "responses[0]", "says nothing"),
        (json!({"responses": [{"content": "a"}]}), "responses[0].content", "give text"),
        (json!({"responses": [{"status": 500}]}), "responses[0].status", "goes with"),
        (json!({"responses": [{"error": "x", "status": 200}]}), "responses[0].status", "at least 400"),
        (
            json!({"responses": [{"annotations": [], "tool_calls": []}]}),
            "responses[0].annotations",
            "belongs to a message",
        ),
        (json!({"responses": [{"tool_calls": [{"arguments": {}}]}]}), "responses[0].tool_calls[0]", "needs \"name\""),
        (
            json!({"responses": [{"tool_calls": [{"type": "function", "name": "f", "input": "x"}]}]}),
            "responses[0].tool_calls[0].type",
            "contradicts",
        ),
        (
            json!({"responses": [{"tool_calls": [{"type": "custom", "function": {"name": "f"}}]}]}),
            "responses[0].tool_calls[0].type",
            "contradicts",
        ),
        (json!({"responses": [{"output": [{"text": "a", "tool_calls": []}]}]}), "responses[0].output[0]", "one part"),
        (json!({"responses": [{"embedding": [1, [2]]}]}), "responses[0].embedding", "not both"),
        (json!({"responses": [{"image": "not base64!"}]}), "responses[0].image", "base64"),
        (json!({"responses": [{"text": "a", "headers": {"a b": "c"}}]}), "responses[0].headers[\"a b\"]", "name"),
        (json!({"responses": [{"text": "a", "headers": {"a": "c\nd"}}]}), "responses[0].headers.a", "one line"),
        (
            json!({"responses": [{"text": "a", "pace": {"delay_ms": [5, 1]}}]}),
            "responses[0].pace.delay_ms",
            "min first",
        ),
        (json!({"responses": [{"raw": {"body": 1, "sse": []}}]}), "responses[0].raw", "exclude"),
        (json!({"responses": [{"fault": {"kind": "stall", "error": "x"}}]}), "responses[0].fault.error", "kind error"),
        (json!({"defaults": {"chaos": [{"error": {"status": 500}}]}}), "defaults.chaos[0]", "one of probability"),
        (json!({"responses": [{"callback": 3}]}), "responses[0].callback", "in-process"),
    ]
}
