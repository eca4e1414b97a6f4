"""The Responses API: plain, streamed, parsed, stateful."""

import openai
import pytest
from pydantic import BaseModel

MODEL = "gpt-4o-mini"


class Event(BaseModel):
    name: str
    people: list[str]


EVENT = {"name": "Science fair", "people": ["Alice", "Bob"]}


async def test_sync_and_async(session):
    one = session(["Paris.", "Paris."])
    sync = one.client.responses.create(model=MODEL, input="Capital?")
    other = await one.async_client.responses.create(model=MODEL, input="Capital?")
    assert sync.output_text == other.output_text == "Paris."
    assert sync.status == "completed" and sync.usage == other.usage


async def test_raw_streams(session):
    one = session(["one two three", "one two three"])
    sync = list(one.client.responses.create(model=MODEL, input="x", stream=True))
    other = [event async for event in await one.async_client.responses.create(model=MODEL, input="x", stream=True)]
    for events in (sync, other):
        assert events[0].type == "response.created" and events[-1].type == "response.completed"
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "one two three"


def test_stream_helper_accumulates_everything(session, weather_function):
    reply = {
        "reasoning": ["Hm."],
        "text": "Let me look.",
        "tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}],
    }
    one = session([reply])
    body = {"model": "gpt-5", "input": "x", "tools": [weather_function], "reasoning": {"summary": "auto"}}
    with one.client.responses.stream(**body) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == "Let me look."
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    assert final.output[0].summary[0].text == "Hm."


async def test_async_stream_helper_parses(session):
    one = session([{"json": EVENT}])
    async with one.async_client.responses.stream(model=MODEL, input="When?", text_format=Event) as stream:
        async for _ in stream:
            pass
        final = await stream.get_final_response()
    assert final.output_parsed == Event(**EVENT)


def test_parse(session):
    one = session([{"json": EVENT}])
    assert one.client.responses.parse(model=MODEL, input="When?", text_format=Event).output_parsed == Event(**EVENT)


def test_tool_loop(session, weather_function):
    one = session([{"tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]}, "It is 4 °C."])
    first = one.client.responses.create(model=MODEL, input="Weather?", tools=[weather_function])
    [call] = first.output
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "4 °C"}
    second = one.client.responses.create(
        model=MODEL, input=[output], previous_response_id=first.id, tools=[weather_function]
    )
    assert second.output_text == "It is 4 °C."


def test_stored(session):
    one = session(["Paris."])
    created = one.client.responses.create(model=MODEL, input="Capital?")
    assert one.client.responses.retrieve(created.id) == created
    assert [item.content[0].text for item in one.client.responses.input_items.list(created.id)] == ["Capital?"]
    one.client.responses.delete(created.id)
    with pytest.raises(openai.NotFoundError):
        one.client.responses.retrieve(created.id)


def test_background(session):
    one = session(["later"])
    response = one.client.responses.create(model=MODEL, input="x", background=True)
    assert response.status == "queued"
    while response.status in ("queued", "in_progress"):
        response = one.client.responses.retrieve(response.id)
    assert response.output_text == "later"


def test_conversations(session):
    one = session([{"match": {"turn": 0}, "response": "Hello Ada."}, {"match": {"any_message": "Ada"}, "response": "Ada."}])
    conversation = one.client.conversations.create()
    for text in ("I am Ada.", "Who am I?"):
        last = one.client.responses.create(model=MODEL, conversation=conversation.id, input=text)
    assert last.output_text == "Ada."
    items = one.client.conversations.items.list(conversation.id, order="asc")
    assert [item.role for item in items] == ["user", "assistant", "user", "assistant"]


def test_incomplete(session):
    one = session(["word " * 40])
    response = one.client.responses.create(model=MODEL, input="x", max_output_tokens=16)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
