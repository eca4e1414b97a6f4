"""What the emulator tells OpenTelemetry, as a receiver of the real protocol gets it."""

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from openai import OpenAI
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from receiver import Receiver, attributes

BINARY = os.environ["LLEMULATOR_BINARY"]


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()


@contextmanager
def emulator(*arguments, **variables):
    """A running emulator: its client, and what it said on stderr once it has ended."""
    command = [BINARY, "--port", "0", "--log-level", "warn", *arguments]
    process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url = re.match(r"LLEmulator listening on (\S+)", process.stdout.readline())[1]
        client = OpenAI(base_url=f"{url}/v1", api_key="sk-telemetry", max_retries=0)
        client.process = process
        yield client
        process.send_signal(signal.SIGTERM)
        _, client.stderr = process.communicate(timeout=60)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


def ask(client, **more):
    return client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hello"}], **more)


def threads(process):
    folder = f"/proc/{process.pid}/task"
    return {open(f"{folder}/{task}/comm").read().strip() for task in os.listdir(folder)}


@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_spans_metrics_and_logs_over_either_transport(receiver, transport):
    endpoint = receiver.grpc if transport == "grpc" else receiver.http
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_HEADERS": "x-team=blue", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}
    with emulator(**variables) as client:
        answer = ask(client)
        streamed = list(ask(client, stream=True))
        with pytest.raises(Exception):
            client.chat.completions.create(model="invalid", messages=[])
        client.models.list()
    assert streamed and client.stderr == ""
    resource = receiver.resource()
    assert resource["service.name"] == "llemulator" and resource["deployment.environment.name"] == "test"
    assert all(headers["x-team"] == "blue" for headers in receiver.headers)

    plain, stream, refused, models = receiver.spans()
    said = attributes(plain)
    assert (plain.name, plain.kind) == ("chat gpt-4o", 2)
    assert said["gen_ai.operation.name"] == "chat" and said["gen_ai.provider.name"] == "openai"
    assert said["gen_ai.request.model"] == "gpt-4o" and said["gen_ai.response.finish_reasons"] == ["stop"]
    assert said["gen_ai.usage.input_tokens"] == answer.usage.prompt_tokens
    assert said["gen_ai.usage.output_tokens"] == answer.usage.completion_tokens
    assert said["llemulator.answered_by"] == "fallback" and said["http.response.status_code"] == 200
    assert "sk-telemetry" not in str(receiver.requests) and "gen_ai.input.messages" not in said
    [event] = stream.events
    assert event.name == "gen_ai.first_token" and stream.start_time_unix_nano <= event.time_unix_nano <= stream.end_time_unix_nano
    assert attributes(refused)["error.type"] == "400" and refused.status.code == 2
    assert models.name == "GET models.list" and "gen_ai.operation.name" not in attributes(models)

    metrics = receiver.metrics()
    duration = metrics["gen_ai.server.request.duration"].histogram.data_points
    assert sum(point.count for point in duration) == 4
    assert sum(point.count for point in metrics["gen_ai.server.time_to_first_token"].histogram.data_points) == 1
    tokens = metrics["gen_ai.client.token.usage"].histogram.data_points
    assert {attributes(point)["gen_ai.token.type"] for point in tokens} == {"input", "output"}

    records = receiver.logs()
    assert [record.severity_text for record in records] == ["INFO", "INFO", "WARN", "INFO"]
    assert [record.span_id for record in records] == [span.span_id for span in receiver.spans()]


def test_a_trace_spans_the_client_and_the_emulator(receiver):
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    instrumentor = OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        with emulator(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc) as client:
            ask(client)
    finally:
        instrumentor.uninstrument()
    [here] = kept.get_finished_spans()
    [there] = receiver.spans()
    assert int.from_bytes(there.trace_id, "big") == here.context.trace_id
    assert int.from_bytes(there.parent_span_id, "big") == here.context.span_id


def test_a_client_that_samples_nothing_is_obeyed(receiver):
    with emulator(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc) as client:
        for parent in [f"00-{'1' * 32}-{'2' * 16}-00", f"00-{'3' * 32}-{'4' * 16}-01"]:
            # Not by the client, whose instrumentation may send a parent of its own.
            headers = {"authorization": "Bearer sk-telemetry", "traceparent": parent}
            assert urlopen(Request(f"{client.base_url}models", headers=headers)).status == 200
    [span] = receiver.spans()
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == ("3" * 32, "4" * 16)


def test_contents_only_when_asked_for(receiver):
    with emulator(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true") as client:
        ask(client)
    said = attributes(receiver.spans()[0])
    assert "hello" in said["gen_ai.input.messages"] and "Echo: hello" in said["gen_ai.output.messages"]


def test_openai_mokkus_names(receiver):
    with emulator("--telemetry", "mokku", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc) as client:
        ask(client, temperature=0.5)
    assert receiver.resource()["service.name"] == "openai-mokku"
    spans = {span.name: span for span in receiver.spans()}
    assert set(spans) == {"CreateChatCompletion", "CreateChatCompletion.process", "generateEchoResponse"}
    server, work = spans["CreateChatCompletion"], spans["CreateChatCompletion.process"]
    assert attributes(server)["http.route"] == "/chat/completions" and server.kind == 2
    said = attributes(work)
    assert work.parent_span_id == server.span_id and spans["generateEchoResponse"].parent_span_id == work.span_id
    assert (said["model"], said["temperature"], said["message_count"], said["last_user_message"]) == ("gpt-4o", 0.5, 1, "hello")


def test_a_receiver_that_is_down_costs_a_warning(receiver):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{nobody.getsockname()[1]}"
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none", "OTEL_BSP_SCHEDULE_DELAY": "20"}
        with emulator(**variables) as client:
            for _ in range(5):
                assert ask(client).choices[0].message.content == "Echo: hello"
                time.sleep(0.05)
    assert client.stderr.count("OpenTelemetry: traces could not be sent") == 1, client.stderr


@pytest.mark.parametrize("variables", [{}, {"OTEL_SDK_DISABLED": "true"}])
def test_nothing_is_loaded_unless_it_is_wanted(receiver, variables):
    if variables:
        variables = {**variables, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc}
    with emulator(**variables) as client:
        ask(client)
        assert {name for name in threads(client.process) if not name.startswith("llemulator")} == set()
    assert receiver.spans() == [] and client.stderr == ""
