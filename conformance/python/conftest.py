"""A session of its own for every test, and the official client of it."""

import importlib.util
import json
import os
import urllib.request
import uuid

import openai
import pytest

# openai 1 has neither sockets nor compaction, vector stores outside of the beta nor today's types, and its environment
# neither tiktoken nor vcrpy. What the control room copies is for today's. Frameworks have an environment of their own: requirements-clients.txt.
newer = [
    "test_answers.py", "test_cassettes.py", "test_copied.py", "test_resources.py", "test_responses_state.py",
    "test_skills.py", "test_stores.py", "test_tokens.py",
]
collect_ignore = newer if openai.VERSION.startswith("1.") else []
if importlib.util.find_spec("instructor") is None:
    collect_ignore.append("clients")

RELAXED = os.environ["LLEMULATOR_URL"]
STRICT = os.environ["LLEMULATOR_STRICT_URL"]


def control(url, key, path, body=None):
    """A control request of the session `key`; POST when there is a body. Gives the answer's JSON."""
    request = urllib.request.Request(
        url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def load(url, key, responses, **more):
    """Replaces the session's script."""
    control(url, key, "/_emulator/script", {"reset": True, "responses": responses, **more})


class Session:
    """
    A new session with these scripted replies. Its client takes only answers that are of today's types, unless what
    production is recorded to send is not: `strict=False`.
    """

    def __init__(self, responses, strict=not openai.VERSION.startswith("1.")):
        self.key = f"sk-test-{uuid.uuid4()}"
        load(STRICT, self.key, responses)
        options = {"api_key": self.key, "base_url": f"{STRICT}/v1", "_strict_response_validation": strict}
        self.client = openai.OpenAI(**options)
        self.async_client = openai.AsyncOpenAI(**options)
        self.options = options

    def requests(self):
        """What was asked, oldest first."""
        return control(STRICT, self.key, "/_emulator/requests")["data"]


@pytest.fixture
def session():
    return Session


@pytest.fixture
def ask():
    """Arguments of a chat request with one user message."""
    return lambda text="hi", **more: {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **more}


WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


@pytest.fixture
def weather_function():
    """A function tool in the Responses form."""
    return WEATHER


@pytest.fixture
def weather_tool():
    """The same in chat's form."""
    return {"type": "function", "function": {key: value for key, value in WEATHER.items() if key != "type"}}
