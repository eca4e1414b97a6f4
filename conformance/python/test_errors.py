"""Errors as the client's classes, retries, raw headers."""

import time

import openai
import pytest

CLASSES = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
}


@pytest.mark.parametrize("status", CLASSES)
def test_classes(session, ask, status):
    one = session([{"error": {"status": status, "message": "as told"}}])
    with pytest.raises(CLASSES[status], match="as told") as caught:
        one.client.with_options(max_retries=0).chat.completions.create(**ask())
    assert list(caught.value.body) == ["message", "type", "param", "code"]
    assert caught.value.request_id.startswith("req_")


def test_retries_count(session, ask):
    one = session([{"error": {"status": 429}, "times": 2}, "third"])
    started = time.monotonic()
    assert one.client.chat.completions.create(**ask()).choices[0].message.content == "third"
    assert time.monotonic() - started < 2
    assert [request["retry_count"] for request in one.requests()] == [0, 1, 2]


def test_unscripted_is_not_retried(session, ask):
    one = session([])
    with pytest.raises(openai.BadRequestError, match="what is this"):
        one.client.chat.completions.create(**ask("what is this"))
    assert len(one.requests()) == 1


def test_unknown_model(session, ask):
    one = session(["x"])
    with pytest.raises(openai.NotFoundError) as caught:
        one.client.chat.completions.create(**ask(model="no-such-model"))
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as caught:
        one.client.responses.create(model="no-such-model", input="x")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_raw_headers(session, ask):
    one = session(["x"])
    raw = one.client.chat.completions.with_raw_response.create(**ask())
    assert raw.parse().choices[0].message.content == "x"
    assert raw.headers["openai-version"] == "2020-10-01"
    assert raw.request_id.startswith("req_")
