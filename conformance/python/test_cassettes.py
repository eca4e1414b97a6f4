"""What vcrpy and pytest-recording have recorded is answered by an emulator; the guide to coming from it runs as written."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys

import httpx
import openai
import pytest
import vcr
from conftest import RELAXED, load

DOCS = pathlib.Path(__file__).parents[2] / "docs"
ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "The capital of France?"}]}


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """A folder with `cassettes/capital.yaml`, written by vcrpy: an answer that came zipped, and a stream."""
    monkeypatch.chdir(tmp_path)
    long = {"text": "Paris." + " " * 3000, "usage": {"prompt_tokens": 77}}
    load(RELAXED, "test_vcrpy", [{"text": "Paris."}, long, {"text": "Rome é."}])
    headers = {"authorization": "Bearer test_vcrpy", "accept-encoding": "gzip"}
    with vcr.use_cassette("cassettes/capital.yaml", filter_headers=["authorization"]):
        for more in ({}, {"seed": 1}, {"stream": True, "seed": 2}):
            answer = httpx.post(f"{RELAXED}/v1/chat/completions", json={**ASK, **more}, headers=headers)
            assert answer.status_code == 200
    text = (tmp_path / "cassettes/capital.yaml").read_text()
    assert "!!binary" in text and "gzip" in text
    return tmp_path


@contextlib.contextmanager
def playing():
    """An emulator that has nothing but the recordings in `cassettes`."""
    command = json.loads(os.environ["LLEMULATOR_ANYWHERE"])
    words = [*command, "--cassettes", "cassettes", "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if found := re.search(r"listening on (http://\S+)", line):
            yield found[1]
            break
    else:
        raise AssertionError("".join(lines))
    process.terminate()
    process.wait()


@pytest.fixture
def player(recorded):
    with playing() as url:
        yield url


def test_a_cassette_of_vcrpy_answers(player):
    client = openai.OpenAI(base_url=f"{player}/v1", api_key="x", max_retries=0)
    assert client.chat.completions.create(**ASK).choices[0].message.content == "Paris."
    answer = client.chat.completions.create(**ASK, seed=1)
    assert (answer.choices[0].message.content.strip(), answer.usage.prompt_tokens) == ("Paris.", 77)
    stream = client.chat.completions.create(**ASK, seed=2, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "Rome é."
    other = openai.OpenAI(base_url=f"{player}/v1", api_key="y", max_retries=0)
    assert other.responses.create(model="gpt-4o", input="The capital of France?").output_text == "Paris."
    with pytest.raises(openai.APIStatusError, match="No recording answers this"):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])


def test_the_guide_to_coming_from_vcrpy(player):
    before, after = re.findall(r"^```python\n(.*?)^```", (DOCS / "migrating.md").read_text(), re.MULTILINE | re.DOTALL)
    # The recording is of another address; what is compared says nothing of it.
    exec(before, {})
    exec(after, {"BASE_URL": f"{player}/v1"})


def test_what_pytest_recording_has_written_answers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    load(RELAXED, "test_pytest_recording", ["Paris."])
    (tmp_path / "test_capital.py").write_text(
        f"""
import httpx
import pytest

@pytest.mark.vcr(filter_headers=["authorization"])
def test_capital():
    headers = {{"authorization": "Bearer test_pytest_recording"}}
    assert httpx.post("{RELAXED}/v1/chat/completions", json={ASK!r}, headers=headers).status_code == 200
"""
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--record-mode=once", "test_capital.py"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "cassettes/test_capital/test_capital.yaml").exists()
    with playing() as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0)
        assert client.chat.completions.create(**ASK).choices[0].message.content == "Paris."
