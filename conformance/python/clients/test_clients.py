"""docs/clients.md: the lines for each Python client run as they are written, each in a process of its own."""

import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
import uuid

import pytest
from conftest import STRICT, control, load

GUIDE = (pathlib.Path(__file__).parents[3] / "docs" / "clients.md").read_text()
CLIENTS = re.findall(r"^([^\n]+):\n\n```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_guide_shows_every_client():
    assert len(CLIENTS) == 7


def test_the_versions_named_are_those_tried():
    named = [(name, number) for words, _ in CLIENTS for name, number in re.findall(r"`([\w-]+)[^`]*` (\d+\.\d+)", words)]
    assert len(named) == 6
    for name, number in named:
        assert importlib.metadata.version(name).startswith(f"{number}."), name


@pytest.mark.parametrize("code", [code for _, code in CLIENTS], ids=[re.findall("`([^`]+)`", words)[0] for words, _ in CLIENTS])
def test_client(code, tmp_path):
    key = f"sk-test-{uuid.uuid4()}"
    reply = '{"name": "Paris."}' if "instructor" in code else "Paris."
    load(STRICT, key, {"": reply})
    env = {**os.environ, "OPENAI_BASE_URL": f"{STRICT}/v1", "OPENAI_API_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "Paris."
    verdict = control(STRICT, key, "/_emulator/verify")
    assert verdict["ok"], verdict["transcript"]
    assert len(control(STRICT, key, "/_emulator/requests")["data"]) == 1
