"""What the control room copies as Python runs as it is, and asks the same again."""

import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from conftest import RELAXED

KEY = "copied-python"
SNIPPETS = pathlib.Path(__file__).parents[2] / "ui/src/logic/snippets.js"
NASTY = "It's \"here\": $HOME `id` \\ \n é 😀 ''' \"\"\""
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": NASTY}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a b": {"type": "string"}}}}}
FORM = (
    '--B\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    '--B\r\ncontent-disposition: form-data; name="expires_after[anchor]"\r\n\r\ncreated_at\r\n'
    '--B\r\ncontent-disposition: form-data; name="expires_after[seconds]"\r\n\r\n3600\r\n'
    '--B\r\ncontent-disposition: form-data; name="file"; filename="it\'s a.jsonl"\r\n'
    'content-type: application/jsonl\r\n\r\n{"custom_id": "1"}\n\r\n--B--\r\n'
)

REQUESTS = {
    "chat": ("/v1/chat/completions", {"model": "gpt-4o", "messages": MESSAGES, "top_k": 3, "seed": None}),
    "stream": ("/v1/chat/completions", {"model": "gpt-4o", "messages": MESSAGES, "tools": [TOOL], "stream": True}),
    "response": ("/v1/responses", {"model": "gpt-4o", "input": [{"role": "user", "content": NASTY}], "store": True}),
    "completions": ("/v1/completions", {"model": "gpt-3.5-turbo-instruct", "prompt": NASTY}),
    "vectors": ("/v1/embeddings", {"model": "text-embedding-3-small", "input": [NASTY, "x"], "encoding_format": "float"}),
    "moderation": ("/v1/moderations", {"input": NASTY}),
    "picture": ("/v1/images/generations", {"model": "gpt-image-1", "prompt": NASTY}),
    "list": ("/v1/models?limit=2", None),
    "no JSON": ("/v1/chat/completions", "@no\nJSON"),
    "what lacks what a client wants": ("/v1/chat/completions", {"model": "gpt-4o"}),
    "Azure": ("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", {"messages": MESSAGES}),
    "form": ("/v1/files", FORM),
}


def get(path):
    with urllib.request.urlopen(RELAXED + path) as answer:
        return json.load(answer)


def newest():
    """The exchange that began last, as the control room has it."""
    return get(f"/api/exchanges/{get('/api/exchanges?limit=1')['data'][0]['id']}")


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_copied_runs(name, tmp_path):
    (tmp_path / "it's a.jsonl").write_text('{"custom_id": "1"}\n')
    path, body = REQUESTS[name]
    kind = "multipart/form-data; boundary=B" if body is FORM else "application/json"
    data = body if body is None or isinstance(body, str) else json.dumps(body)
    headers = {"authorization": f"Bearer {KEY}", "content-type": kind, "x-own": "a'b\""}
    if data is None:
        del headers["content-type"]
    request = urllib.request.Request(RELAXED + path, data=data and data.encode(), headers=headers)
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as refused:
        refused.read()
    asked = newest()
    make = f"import {{ python }} from {json.dumps(SNIPPETS.as_uri())}; process.stdin.toArray().then((text) => process.stdout.write(python(JSON.parse(text.join('')), {json.dumps(RELAXED + '/')})));"
    made = subprocess.run(["node", "--input-type=module", "-e", make], input=json.dumps(asked), capture_output=True, text=True, check=True)
    environment = {**os.environ, "OPENAI_API_KEY": KEY}
    ran = subprocess.run([sys.executable, "-c", made.stdout], cwd=tmp_path, env=environment, capture_output=True, text=True)
    # A client raises what it is refused.
    assert ran.returncode == 0 or "BadRequestError" in ran.stderr, f"{made.stdout}\n{ran.stderr}"
    again = newest()
    assert again["id"] != asked["id"]
    for key in ["method", "path", "operation", "body", "status", "session"]:
        assert again[key] == asked[key], key
    assert again["headers"]["x-own"] == "a'b\""
