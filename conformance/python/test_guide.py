"""The guides' Python examples run as they are written, but for the address and the command."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import RELAXED, load

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def test_the_lines_for_the_official_client(monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_BASE_URL", f"{RELAXED}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "test_official")
    load(RELAXED, "test_official", ["Paris."])
    exec(blocks("clients.md")[0], {})
    assert capsys.readouterr().out == "Paris.\n"


def blocks(guide):
    return re.findall(r"^```python\n(.*?)^```", (DOCS / guide).read_text(), re.MULTILINE | re.DOTALL)


def test_the_guide_for_any_language():
    [code] = blocks("any-language.md")
    names = {}
    exec(code.replace("http://127.0.0.1:8080", RELAXED), names)
    names["test_answers"]()
    with pytest.raises(AssertionError, match=r"response") as refused:
        names["control"]("test_answers", "/_emulator/script", {"respones": []})
    assert "respones" in str(refused.value)


def run_recipe(folder, test):
    conftest, _ = blocks("recipes.md")
    command = ", ".join(map(json.dumps, json.loads(os.environ["LLEMULATOR_ANYWHERE"])))
    assert conftest.startswith("# conftest.py\n") and '"npx", "llemulator"' in conftest
    (folder / "conftest.py").write_text(conftest.replace('"npx", "llemulator"', command))
    (folder / "test_app.py").write_text(test)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(words, capture_output=True, text=True, cwd=folder)


def test_the_recipe_for_pytest(tmp_path):
    _, test = blocks("recipes.md")
    done = run_recipe(tmp_path, test)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_recipe_for_pytest_fails_when_a_reply_is_left(tmp_path):
    _, test = blocks("recipes.md")
    done = run_recipe(tmp_path, test.replace(', "Rome."]:', "]:"))
    assert done.returncode == 1 and "unused replies" in done.stdout, done.stdout + done.stderr


def test_the_recipe_for_pytest_says_why_a_script_is_refused(tmp_path):
    _, test = blocks("recipes.md")
    done = run_recipe(tmp_path, test.replace('"status": 429', '"statsu": 429'))
    assert done.returncode == 1 and "statsu" in done.stdout, done.stdout + done.stderr
