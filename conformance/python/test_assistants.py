"""Assistants as openai-python's guides have them: polled, and with an event handler."""

import json

from openai import AssistantEventHandler

CALL = {"tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def prepared(session, responses):
    beta = session(responses).client.beta
    assistant = beta.assistants.create(model="gpt-4o", instructions="Answer.", tools=[WEATHER])
    thread = beta.threads.create(messages=[{"role": "user", "content": "Weather in Oslo?"}])
    return beta.threads, assistant, thread


def outputs(run):
    return [
        {"tool_call_id": call.id, "output": json.loads(call.function.arguments)["city"]}
        for call in run.required_action.submit_tool_outputs.tool_calls
    ]


def test_a_run_is_polled_through_its_functions(session):
    threads, assistant, thread = prepared(session, [CALL, "It is cold."])
    waits = threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert waits.status == "requires_action"
    done = threads.runs.submit_tool_outputs_and_poll(
        thread_id=thread.id, run_id=waits.id, tool_outputs=outputs(waits)
    )
    assert done.status == "completed"
    texts = [message.content[0].text.value for message in threads.messages.list(thread.id, order="asc", limit=1)]
    assert texts == ["Weather in Oslo?", "It is cold."]
    steps = list(threads.runs.steps.list(thread_id=thread.id, run_id=done.id, order="asc"))
    assert [step.type for step in steps] == ["tool_calls", "message_creation"]


def test_a_run_is_streamed_to_a_handler(session):
    threads, assistant, thread = prepared(session, [CALL, "It is very cold."])
    seen = []

    class Handler(AssistantEventHandler):
        def on_tool_call_done(self, tool_call):
            seen.append(tool_call.function.arguments)

        def on_text_delta(self, delta, snapshot):
            seen.append(delta.value)

    with threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id, event_handler=Handler()) as stream:
        stream.until_done()
        waits = stream.current_run
    assert (waits.status, seen) == ("requires_action", ['{"city":"Oslo"}'])
    seen.clear()
    with threads.runs.submit_tool_outputs_stream(
        thread_id=thread.id, run_id=waits.id, tool_outputs=outputs(waits), event_handler=Handler()
    ) as stream:
        [message] = stream.get_final_messages()
    assert "".join(seen) == message.content[0].text.value == "It is very cold."


def test_a_thread_is_made_and_run_at_once(session):
    beta = session(["Hello.", "Hello again."]).client.beta
    assistant = beta.assistants.create(model="gpt-4o", instructions="Be kind.")
    asked = {"assistant_id": assistant.id, "thread": {"messages": [{"role": "user", "content": "hi"}]}}
    assert beta.threads.create_and_run_poll(**asked).status == "completed"
    with beta.threads.create_and_run_stream(**asked) as stream:
        [message] = stream.get_final_messages()
    assert message.content[0].text.value == "Hello again."
