"""LLEmulator's own fourteen Python cases, with its command line's defaults."""

import json
import urllib.error
import urllib.request

import openai
import pytest
from conftest import RELAXED, load

KEY = "test-token-python"
client = openai.OpenAI(api_key=KEY, base_url=f"{RELAXED}/v1")


def script(responses):
    load(RELAXED, KEY, responses)


def chat(text, model="gpt-4"):
    completion = client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
    return completion.choices[0].message.content


def legacy(**more):
    body = {"model": "gpt-3.5-turbo-instruct", "prompt": "Complete this", "max_tokens": 50, **more}
    request = urllib.request.Request(
        f"{RELAXED}/v1/responses",
        data=json.dumps(body).encode(),
        headers={"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return response.headers["content-type"], response.read().decode()


def test_single():
    script(["Hello from the emulator!"])
    assert chat("Hi") == "Hello from the emulator!"


def test_sequential():
    script(["First", "Second", "Third"])
    assert [chat("a"), chat("b"), chat("c")] == ["First", "Second", "Third"]


def test_pattern():
    script({".*hello.*": "Hi there", ".*weather.*": "Sunny", r"\d+\s*\+\s*\d+": "A sum", "bye": "Goodbye"})
    assert chat("well hello you") == "Hi there"
    assert chat("how is the weather today") == "Sunny"
    assert chat("what is 2 + 2") == "A sum"
    assert chat("bye") == "Goodbye"


def test_streaming_automatic():
    script(["One, two, three"])
    stream = client.chat.completions.create(
        model="gpt-4", messages=[{"role": "user", "content": "count"}], stream=True
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert all(word in text for word in ["One", "two", "three"])


def test_conversation_flow():
    steps = ["Hello!", "I am fine.", "Sure.", "Here it is.", "Goodbye!"]
    script(steps)
    history = []
    for turn, expected in enumerate(steps):
        history.append({"role": "user", "content": f"turn {turn}"})
        completion = client.chat.completions.create(model="gpt-4", messages=history)
        assert completion.choices[0].message.content == expected
        history.append({"role": "assistant", "content": expected})


def test_mixed():
    script(["Welcome", {"pattern": ".*help.*", "response": "Here is help", "times": 1}])
    assert chat("hi") == "Welcome"
    assert chat("I need help") == "Here is help"


def test_text_completion():
    script(["Completed text"])
    _, body = legacy()
    assert json.loads(body)["choices"][0]["text"] == "Completed text"


def test_text_completion_streaming():
    script(["Completed text"])
    content_type, body = legacy(stream=True)
    assert "text/event-stream" in content_type
    events = [line[6:] for line in body.split("\n") if line.startswith("data: ") and line != "data: [DONE]"]
    assert "".join(json.loads(event)["choices"][0]["text"] for event in events) == "Completed text"


def test_response_structure():
    script(["Shape"])
    completion = client.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "hi"}])
    assert completion.id and completion.created
    assert (completion.object, completion.model) == ("chat.completion", "gpt-4")
    [choice] = completion.choices
    assert (choice.index, choice.message.role, choice.message.content) == (0, "assistant", "Shape")
    assert choice.finish_reason == "stop"
    assert completion.usage.total_tokens > 0


def test_streaming_structure():
    script(["Shape of a stream"])
    stream = client.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "hi"}], stream=True)
    chunks = list(stream)
    assert chunks[0].object == "chat.completion.chunk"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_list_models():
    assert "gpt-4" in [model.id for model in client.models.list()]


def test_retrieve_model():
    assert client.models.retrieve("gpt-4").id == "gpt-4"


def test_invalid_model():
    script(["not used"])
    with pytest.raises(openai.NotFoundError):
        chat("hi", model="invalid-model")


def test_missing_authorization():
    # The client itself refuses an empty key, or leaves the header out; what reaches the server is tried here.
    request = urllib.request.Request(f"{RELAXED}/v1/models", headers={"authorization": "Bearer "})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 401
