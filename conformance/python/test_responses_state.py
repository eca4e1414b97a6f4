"""What the Responses API keeps, and its socket: for the current client; `conftest.py` leaves it out for the old one."""

MODEL = "gpt-4o-mini"


def test_input_items_are_paged(session):
    one = session(["x"])
    created = one.client.responses.create(model=MODEL, input=[{"role": "user", "content": text} for text in "abc"])
    items = one.client.responses.input_items.list(created.id, order="asc", limit=1)
    assert [item.content[0].text for item in items] == ["a", "b", "c"]


def test_compact(session):
    one = session(["Hello Ada."], strict=False)
    first = one.client.responses.create(model=MODEL, input="I am Ada.")
    compacted = one.client.responses.compact(model=MODEL, previous_response_id=first.id)
    assert compacted.object == "response.compaction"
    assert [item.type for item in compacted.output] == ["message", "compaction"]


def test_input_tokens(session):
    one = session(["x"])
    counted = one.client.responses.input_tokens.count(model=MODEL, input="How many?")
    created = one.client.responses.create(model=MODEL, input="How many?")
    assert counted.input_tokens == created.usage.input_tokens


def test_a_background_stream_is_resumed(session):
    one = session(["one two three"])
    seen = []
    for event in one.client.responses.create(model=MODEL, input="x", background=True, stream=True):
        seen.append(event)
        if len(seen) == 5:
            break
    rest = one.client.responses.retrieve(
        seen[0].response.id, stream=True, starting_after=seen[-1].sequence_number
    )
    seen.extend(rest)
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    assert "".join(event.delta for event in seen if event.type == "response.output_text.delta") == "one two three"


def test_cancel(session):
    one = session([{"text": "too late", "pace": {"ttft_ms": 60_000}}])
    created = one.client.responses.create(model=MODEL, input="x", background=True)
    assert one.client.responses.cancel(created.id).status == "cancelled"


def test_conversation_items(session):
    one = session(["x"])
    items = one.client.conversations.items
    conversation = one.client.conversations.create(items=[{"type": "message", "role": "user", "content": "a"}])
    created = items.create(conversation.id, items=[{"type": "message", "role": "user", "content": "b"}])
    assert items.retrieve(created.data[0].id, conversation_id=conversation.id).content[0].text == "b"
    assert items.delete(created.data[0].id, conversation_id=conversation.id).id == conversation.id
    assert len(items.list(conversation.id).data) == 1
    assert one.client.conversations.delete(conversation.id).deleted


def test_mcp_approval(session):
    ask = {"type": "mcp_approval_request", "server_label": "wiki", "name": "search", "arguments": "{}"}
    one = session([{"output": [ask]}, "Done."])
    tools = [{"type": "mcp", "server_label": "wiki", "server_url": "https://example.com/mcp"}]
    first = one.client.responses.create(model=MODEL, input="x", tools=tools)
    approval = {"type": "mcp_approval_response", "approval_request_id": first.output[0].id, "approve": True}
    second = one.client.responses.create(model=MODEL, input=[approval], previous_response_id=first.id, tools=tools)
    assert second.output_text == "Done."


def test_socket(session):
    one = session(["one", "two"])
    with one.client.responses.connect() as connection:
        previous = None
        for expected in ("one", "two"):
            connection.response.create(model=MODEL, input="x", store=False, previous_response_id=previous)
            for event in connection:
                if event.type == "response.completed":
                    break
            assert event.response.output_text == expected
            previous = event.response.id


async def test_async_socket(session):
    one = session(["one"])
    async with one.async_client.responses.connect() as connection:
        await connection.response.create(model=MODEL, input="x")
        kinds = []
        async for event in connection:
            kinds.append(event.type)
            if event.type == "response.completed":
                break
    assert kinds[:2] == ["response.created", "response.in_progress"]
