"""Chat completions: plain, streamed, parsed, sync and async."""

import openai
import pytest
from pydantic import BaseModel

TEXT = "Naïve café — “quotes”,\n\ttabs and 👩‍👩‍👧 emoji."


class Event(BaseModel):
    name: str
    people: list[str]


EVENT = {"name": "Science fair", "people": ["Alice", "Bob"]}
CALL = {"tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]}


async def test_sync_and_async_give_the_same(session, ask):
    one = session([TEXT, TEXT])
    sync = one.client.chat.completions.create(**ask())
    other = await one.async_client.chat.completions.create(**ask())
    assert sync.choices[0].message.content == other.choices[0].message.content == TEXT
    assert sync.usage == other.usage


async def test_stream_to_the_end(session, ask):
    one = session([TEXT, TEXT])
    sync = [chunk for chunk in one.client.chat.completions.create(**ask(stream=True))]
    other = [chunk async for chunk in await one.async_client.chat.completions.create(**ask(stream=True))]
    for chunks in (sync, other):
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
        assert chunks[-1].choices[0].finish_reason == "stop"


def test_include_usage(session, ask):
    one = session(["one two three"])
    options = {"stream": True, "stream_options": {"include_usage": True}}
    *chunks, last = one.client.chat.completions.create(**ask(**options))
    assert last.choices == [] and last.usage.completion_tokens == 3
    assert all(chunk.usage is None for chunk in chunks)


def test_tool_loop(session, ask, weather_tool):
    one = session([CALL, "It is 4 °C."])
    body = ask("Weather in Oslo?", tools=[weather_tool])
    message = one.client.chat.completions.create(**body).choices[0].message
    [call] = message.tool_calls
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"Oslo"}')
    body["messages"] += [message, {"role": "tool", "tool_call_id": call.id, "content": "4 °C"}]
    assert one.client.chat.completions.create(**body).choices[0].message.content == "It is 4 °C."


def test_parse_pydantic(session, ask):
    one = session([{"json": EVENT}])
    completions = getattr(one.client.chat.completions, "parse", None) or one.client.beta.chat.completions.parse
    completion = completions(**ask("When?", response_format=Event))
    assert completion.choices[0].message.parsed == Event(**EVENT)


def test_parse_pydantic_tool(session, ask):
    one = session([{"tool_calls": [{"name": "Event", "arguments": EVENT}]}])
    body = ask("Plan", tools=[openai.pydantic_function_tool(Event)])
    completion = one.client.chat.completions.parse(**body)
    assert completion.choices[0].message.tool_calls[0].function.parsed_arguments == Event(**EVENT)


def test_stream_helper_parses(session, ask):
    one = session([{"json": EVENT}])
    with one.client.chat.completions.stream(**ask("When?", response_format=Event)) as stream:
        types = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= types
    assert final.choices[0].message.parsed == Event(**EVENT)


async def test_stream_helper_accumulates_tools(session, ask, weather_tool):
    calls = [{"name": "get_weather", "arguments": {"city": city}} for city in ("Oslo", "Rome")]
    one = session([{"tool_calls": calls}])
    async with one.async_client.chat.completions.stream(**ask("Weather?", tools=[weather_tool])) as stream:
        done = [event.arguments async for event in stream if event.type == "tool_calls.function.arguments.done"]
    assert done == ['{"city":"Oslo"}', '{"city":"Rome"}']


def test_n_and_logprobs(session, ask):
    one = session([{"choices": ["Paris is big", "Rome"]}])
    completion = one.client.chat.completions.create(**ask(n=2, logprobs=True, top_logprobs=1))
    assert [choice.message.content for choice in completion.choices] == ["Paris is big", "Rome"]
    assert "".join(token.token for token in completion.choices[0].logprobs.content) == "Paris is big"


def test_refusal(session, ask):
    one = session([{"refusal": "No."}])
    message = one.client.chat.completions.create(**ask()).choices[0].message
    assert (message.refusal, message.content) == ("No.", None)


def test_legacy_completions(session):
    one = session(["one two", "three four"], strict=False)
    body = {"model": "gpt-3.5-turbo-instruct", "prompt": "count"}
    assert one.client.completions.create(**body).choices[0].text == "one two"
    stream = one.client.completions.create(**body, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == "three four"


def test_embeddings_and_models(session):
    one = session([], strict=False)
    packed = one.client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    plain = one.client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], encoding_format="float")
    for left, right in zip(packed.data, plain.data):
        assert len(left.embedding) == 1536
        assert max(abs(a - b) for a, b in zip(left.embedding, right.embedding)) < 1e-6
    assert "gpt-4o" in [model.id for model in one.client.models.list()]


def test_azure(session, ask):
    one = session(["from azure", "one two", {"error": {"code": "content_filter"}}, "v1"])
    azure = openai.AzureOpenAI(
        api_key=one.key, azure_endpoint=one.options["base_url"].removesuffix("/v1"), api_version="2024-10-21"
    )
    answer = azure.chat.completions.create(**ask(model="my-deployment"))
    assert answer.choices[0].message.content == "from azure"
    assert answer.choices[0].content_filter_results["hate"]["severity"] == "safe"
    first, *rest = azure.chat.completions.create(**ask(model="my-deployment"), stream=True)
    assert first.choices == [] and first.prompt_filter_results[0]["content_filter_results"]["jailbreak"]["detected"] is False
    assert "".join(chunk.choices[0].delta.content or "" for chunk in rest) == "one two"
    with pytest.raises(openai.BadRequestError) as refused:
        azure.chat.completions.create(**ask(model="my-deployment"))
    assert refused.value.code == "content_filter"
    assert refused.value.body["innererror"]["code"] == "ResponsibleAIPolicyViolation"
    v1 = openai.OpenAI(api_key=one.key, base_url=one.options["base_url"].removesuffix("/v1") + "/openai/v1")
    assert v1.chat.completions.create(**ask(model="my-deployment")).prompt_filter_results
