"""Every method of the client, called with what its signature asks for: the client, told to be strict, takes the answer."""

import inspect
import json
import os
import pathlib
import re
import typing
import uuid

import openai
import pytest
from openai._resource import SyncAPIResource
from openai._types import NotGiven, Omit
from sound import sound
from typing_extensions import NotRequired, Required, get_type_hints, is_typeddict

OPERATIONS = pathlib.Path(__file__).parents[2] / "src/surface/generated/operations.json"
NAMES = [row["name"] for row in json.loads(OPERATIONS.read_text())["operations"]]

SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x", "annotations": []}]}
# What types do not say: models, and what parts of a body must be to mean something.
GIVEN = {
    "audio.speech.create": {"model": "tts-1", "voice": "alloy"},
    "audio.transcriptions.create": {"model": "whisper-1"},
    "audio.translations.create": {"model": "whisper-1"},
    "completions.create": {"model": "gpt-3.5-turbo-instruct", "prompt": "x"},
    "embeddings.create": {"model": "text-embedding-3-small", "input": "x", "encoding_format": "float"},
    "images.create_variation": {"model": "dall-e-2"},
    "images.edit": {"model": "gpt-image-1", "prompt": "x"},
    "images.generate": {"model": "gpt-image-1", "prompt": "x"},
    "moderations.create": {"input": "x"},
    "responses.create": {"model": "gpt-4o", "input": "x"},
    # What users said stays as they said it, which is no output.
    "responses.compact": {"model": "gpt-4o", "input": [SAID]},
    "responses.input_tokens.count": {"model": "gpt-4o", "input": "x"},
    "beta.responses.create": {"model": "gpt-4o", "input": "x"},
    "beta.responses.compact": {"model": "gpt-4o", "input": [SAID]},
    "beta.responses.input_tokens.count": {"model": "gpt-4o", "input": "x"},
    "chat.completions.create": {"messages": [{"role": "user", "content": "x"}]},
    "conversations.items.create": {"items": [{"type": "message", "role": "user", "content": "x"}]},
    "files.create": {"purpose": "assistants"},
    # Without a name it is null.
    "vector_stores.create": {"name": "x"},
    "uploads.create": {"purpose": "assistants", "filename": "a.txt", "bytes": 3, "mime_type": "text/plain"},
}
# Ids in the forms of their resources.
IDS = {
    "assistant_id": "asst_a", "batch_id": "batch_a", "completion_id": "chatcmpl-a", "container_id": "cntr_a",
    "conversation_id": "conv_a", "eval_id": "eval_a", "file_id": "file-a", "fine_tuning_job_id": "ftjob-a",
    "message_id": "msg_a", "model": "gpt-4o", "response_id": "resp_a", "run_id": "run_a", "skill_id": "skill_a",
    "step_id": "step_a", "thread_id": "thread_a", "upload_id": "upload_a", "vector_store_id": "vs_a",
    "video_id": "video_a", "part_ids": [],
}
# Production is recorded to send nulls in chunks, which are not of the client's types.
STREAMED_AS_RECORDED = {"completions.create"}
# What types do not say is needed: bytes of what is there, a thread, an assistant, a file, a consent. Tests of their own have
# these, through the same strict client; here each is refused.
NEED_MORE = {
    "audio.voices.create", "beta.agents.sessions.artifacts.content",
    "beta.agents.sessions.events.stream", "beta.threads.create_and_run",
    "beta.threads.runs.create", "beta.threads.runs.submit_tool_outputs", "containers.files.content.retrieve",
    "files.content", "fine_tuning.jobs.create", "live.create", "live.sessions.download_recording", "models.delete",
    "realtime.calls.create", "skills.content.retrieve", "skills.create", "skills.versions.content.retrieve",
    "videos.download_content",
}


def method_of(client, name):
    found = client
    for part in name.split("."):
        found = getattr(found, part, None)
        if found is None:
            return None
    return found


def is_required(hint, otherwise):
    """Whether a key of a TypedDict must be there: its module's annotations are texts, so that the class does not know."""
    return typing.get_origin(hint) is Required or otherwise and typing.get_origin(hint) is not NotRequired


def value(hint, name=""):
    """The plainest value of a type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if name in IDS:
        return IDS[name]
    if origin in (Required, NotRequired, typing.Annotated):
        return value(inner[0], name)
    if origin is typing.Literal:
        return inner[0]
    if bytes in inner:
        return ("a.png", PICTURE)
    if origin is typing.Union or type(hint).__name__ == "UnionType":
        real = [one for one in inner if one not in (type(None), Omit, NotGiven)]
        texts = [one for one in real if one is str]
        return value((texts or real)[0], name)
    if is_typeddict(hint):
        hints = get_type_hints(hint, include_extras=True)
        return {key: value(one, key) for key, one in hints.items() if is_required(one, hint.__total__)}
    if origin in (list, typing.List, typing.Iterable, typing.Sequence) or getattr(origin, "__name__", "") in ("Iterable", "Sequence"):
        return [value(inner[0], name)]
    if origin is dict or getattr(origin, "__name__", "") == "Mapping":
        return {}
    return {str: "x", int: 1, float: 1.0, bool: True, bytes: b"x", object: {}}.get(hint, "x")


PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def arguments(method, name):
    hints = get_type_hints(method, include_extras=True)
    out = {}
    for parameter in inspect.signature(method).parameters.values():
        key = parameter.name
        if key in GIVEN.get(name, {}):
            out[key] = GIVEN[name][key]
        elif parameter.default is inspect.Parameter.empty and parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            out[key] = value(hints.get(key, str), key)
    if name.startswith("audio.") and isinstance(out.get("file"), tuple):
        out["file"] = sound()
    return out


def called(method, name):
    """Calls a method; where one of several sets of arguments is asked for, with the first."""
    given = arguments(method, name)
    try:
        return given, method(**given)
    except TypeError as error:
        first = re.search(r"either \((.*?)\) or", str(error))
        if not first:
            raise
        hints = get_type_hints(method, include_extras=True)
        given |= {key: value(hints[key], key) for key in re.findall(r"'(\w+)'", first[1])}
        return given, method(**given)


@pytest.fixture(scope="module")
def strict():
    url, key = os.environ["LLEMULATOR_SYNTHESIZE_URL"], f"sk-test-{uuid.uuid4()}"
    return openai.OpenAI(
        api_key=key, admin_api_key=key, base_url=f"{url}/v1", max_retries=0, _strict_response_validation=True
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
def test_the_strict_client_takes_the_answer(strict, name):
    method = method_of(strict, name)
    is_method = isinstance(getattr(method, "__self__", None), SyncAPIResource)
    assert is_method, name
    try:
        given, answer = called(method, name)
    except openai.APIStatusError as error:
        assert name in NEED_MORE, error
        return
    assert name not in NEED_MORE, "it needs no more"
    if isinstance(answer, openai.Stream):
        list(answer)
        return
    if "stream" in inspect.signature(method).parameters and name not in STREAMED_AS_RECORDED:
        list(method(**given, stream=True))
