"""What the emulator tells OpenTelemetry, as a receiver of the real protocol gets it."""

import json
import os
import re
import signal
import socket
import subprocess
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from openai import APIStatusError, OpenAI
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from receiver import Receiver, attributes

BINARY = os.environ["LLEMULATOR_BINARY"]

# Once: what it undoes it does not undo whole.
CLIENT = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(CLIENT))
OpenAIInstrumentor().instrument(tracer_provider=provider)


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


def journal(client):
    """The requests that an emulator has had."""
    headers = {"authorization": "Bearer sk-telemetry"}
    return json.load(urlopen(Request(f"{client.base_url.copy_with(path='/_emulator/requests')}", headers=headers)))["data"]


def threads(process):
    folder = f"/proc/{process.pid}/task"
    return {open(f"{folder}/{task}/comm").read().strip() for task in os.listdir(folder)}


@pytest.mark.parametrize("scheme", ["", "http://"])
@pytest.mark.parametrize("transport", ["grpc", "http/protobuf"])
def test_spans_metrics_and_logs_over_either_transport(receiver, transport, scheme):
    address = receiver.grpc if transport == "grpc" else receiver.http.removeprefix("http://")
    # What the endpoint alone says needs no other variable.
    usual = "grpc" if scheme == "" else "http/protobuf"
    protocol = {} if transport == usual else {"OTEL_EXPORTER_OTLP_PROTOCOL": transport}
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"{scheme}{address}", **protocol, "OTEL_EXPORTER_OTLP_HEADERS": "x-team=blue", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}
    with emulator(**variables) as client:
        answer = ask(client, temperature=0.5)
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
    assert said["gen_ai.response.model"] == answer.model
    assert said["gen_ai.usage.input_tokens"] == answer.usage.prompt_tokens
    assert said["gen_ai.usage.output_tokens"] == answer.usage.completion_tokens
    assert (said["llemulator.outcome"], said["llemulator.answered_by"]) == ("fallback", "echo")
    assert said["http.response.status_code"] == 200 and said["llemulator.session"] and said["gen_ai.request.temperature"] == 0.5
    assert "sk-telemetry" not in str(receiver.requests) and "gen_ai.input.messages" not in said
    [event] = stream.events
    assert event.name == "gen_ai.first_token" and stream.start_time_unix_nano <= event.time_unix_nano <= stream.end_time_unix_nano
    assert attributes(refused)["error.type"] == "400" and refused.status.code == 2
    assert models.name == "GET models.list" and "gen_ai.operation.name" not in attributes(models)

    metrics = receiver.metrics()
    duration = metrics["gen_ai.server.request.duration"].histogram.data_points
    assert sum(point.count for point in duration) == 4
    for name in ["time_to_first_token", "time_per_output_token"]:
        assert sum(point.count for point in metrics[f"gen_ai.server.{name}"].histogram.data_points) == 1
    tokens = metrics["gen_ai.client.token.usage"].histogram.data_points
    assert {attributes(point)["gen_ai.token.type"] for point in tokens} == {"input", "output"}

    records = receiver.logs()
    assert [record.severity_text for record in records] == ["INFO", "INFO", "WARN", "INFO"]
    assert [record.span_id for record in records] == [span.span_id for span in receiver.spans()]
    # What is looked for; the rest is not said twice.
    assert set(attributes(records[2])) == {"llemulator.operation", "llemulator.session", "http.response.status_code", "error.type"}
    assert all(attributes(record).items() <= attributes(span).items() for record, span in zip(records, receiver.spans()))


def test_the_rule_that_answered_is_named(receiver):
    with emulator(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc) as client:
        script = {"rules": [{"name": "greeting", "match": "hello", "text": "Hi."}]}
        urlopen(Request(f"{client.base_url.copy_with(path='/_emulator/script')}", json.dumps(script).encode(), {"authorization": "Bearer sk-telemetry"}))
        assert ask(client).choices[0].message.content == "Hi."
    [said] = [attributes(span) for span in receiver.spans() if span.name == "chat gpt-4o"]
    assert (said["llemulator.answered_by"], said["llemulator.rule"], said["llemulator.outcome"]) == ("script", "greeting", "scripted")
    assert [attributes(record)["llemulator.rule"] for record in receiver.logs() if "llemulator.rule" in attributes(record)] == ["greeting"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_trace_spans_the_client_the_emulator_and_an_upstream(receiver, stream):
    export = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc}
    CLIENT.clear()
    with emulator(**export, OTEL_SERVICE_NAME="upstream") as upstream:
        with emulator("--fallback", "upstream", "--upstream", str(upstream.base_url), **export) as client:
            answer = ask(client, stream=stream, extra_headers={"baggage": "team=blue"})
            said = "".join(chunk.choices[0].delta.content or "" for chunk in answer) if stream else answer.choices[0].message.content
        assert said == "Echo: hello"
        [sent] = journal(upstream)
    [here] = CLIENT.get_finished_spans()
    server, between = sorted(receiver.spans("llemulator"), key=lambda span: span.kind)
    [there] = receiver.spans("upstream")
    assert {span.trace_id for span in [server, between, there]} == {here.context.trace_id.to_bytes(16, "big")}
    assert server.parent_span_id == here.context.span_id.to_bytes(8, "big") and server.kind == 2
    assert between.parent_span_id == server.span_id and between.kind == 3 and between.name == "chat gpt-4o"
    assert there.parent_span_id == between.span_id and there.kind == 2
    assert attributes(server)["llemulator.answered_by"] == "upstream"
    told = attributes(between)
    assert (told["server.port"], told["http.response.status_code"]) == (upstream.base_url.port, 200)
    assert server.start_time_unix_nano <= between.start_time_unix_nano <= between.end_time_unix_nano <= server.end_time_unix_nano
    assert sent["headers"]["baggage"] == "team=blue"


def test_an_upstream_that_fails_is_seen(receiver):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        upstream = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        with emulator("--fallback", "upstream", "--upstream", upstream, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc) as client:
            with pytest.raises(APIStatusError):
                ask(client)
    server, between = sorted(receiver.spans(), key=lambda span: span.kind)
    assert between.status.code == 2 and "did not answer" in between.status.message
    assert attributes(server)["error.type"] == "502"


def test_without_telemetry_the_clients_own_trace_goes_upstream():
    parent = f"00-{'3' * 32}-{'4' * 16}-01"
    with emulator() as upstream, emulator("--fallback", "upstream", "--upstream", str(upstream.base_url)) as client:
        # Not by the client, whose instrumentation sends a parent of its own.
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
        headers = {"authorization": "Bearer sk-telemetry", "content-type": "application/json", "traceparent": parent}
        assert urlopen(Request(f"{client.base_url}chat/completions", json.dumps(body).encode(), headers)).status == 200
        [sent] = journal(upstream)
    assert sent["headers"]["traceparent"] == parent


def test_a_client_that_samples_nothing_is_obeyed(receiver):
    with emulator(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc) as client:
        for parent in [f"00-{'1' * 32}-{'2' * 16}-00", f"00-{'3' * 32}-{'4' * 16}-01"]:
            # Not by the client, whose instrumentation may send a parent of its own.
            headers = {"authorization": "Bearer sk-telemetry", "traceparent": parent}
            assert urlopen(Request(f"{client.base_url}models", headers=headers)).status == 200
    [span] = receiver.spans()
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == ("3" * 32, "4" * 16)


@pytest.mark.parametrize("sampler, share, spans", [("always_off", "", 0), ("traceidratio", "0", 0), ("traceidratio", "1", 1), ("parentbased_always_off", "", 1)])
def test_the_sampler_of_the_environment_decides(receiver, sampler, share, spans):
    # The instrumented client's own span is sampled, and is the parent.
    with emulator(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc, OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG=share) as client:
        ask(client)
    assert (len(receiver.spans()), len(receiver.logs())) == (spans, 1)
    # Without a span the record says all of it.
    assert ("gen_ai.request.model" in attributes(receiver.logs()[0])) == (spans == 0)


@pytest.mark.parametrize("where", ["SPAN_ONLY", "EVENT_ONLY"])
def test_contents_only_where_they_are_wanted(receiver, where):
    with emulator(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=where) as client:
        ask(client)
    span, record = attributes(receiver.spans()[0]), attributes(receiver.logs()[0])
    said, silent = (span, record) if where == "SPAN_ONLY" else (record, span)
    assert json.loads(said["gen_ai.input.messages"]) == [{"role": "user", "parts": [{"type": "text", "content": "hello"}]}]
    answer = {"role": "assistant", "parts": [{"type": "text", "content": "Echo: hello"}], "finish_reason": "stop"}
    assert json.loads(said["gen_ai.output.messages"]) == [answer]
    assert not any(name.endswith("messages") for name in silent)


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


@pytest.mark.parametrize("scheme", ["", "http://"])
@pytest.mark.parametrize("how", ["refuses", "is silent"])
def test_a_receiver_that_is_down_costs_a_warning(how, scheme):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        if how == "is silent":
            nobody.listen()
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{scheme}127.0.0.1:{nobody.getsockname()[1]}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "50",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "20",
        }
        with emulator(**variables) as client:
            for _ in range(20):
                assert ask(client).choices[0].message.content == "Echo: hello"
            # What was said is written at once; more of the same would follow.
            client.said = client.process.stderr.readline()
            for _ in range(20):
                assert ask(client).choices[0].message.content == "Echo: hello"
    assert client.said.startswith("llemulator: OpenTelemetry: traces could not be sent")
    assert client.stderr == "", client.stderr


@pytest.mark.parametrize("variables", [{}, {"OTEL_SDK_DISABLED": "true"}])
def test_nothing_is_loaded_unless_it_is_wanted(receiver, variables):
    if variables:
        variables = {**variables, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc}
    with emulator(**variables) as client:
        ask(client)
        assert {name for name in threads(client.process) if not name.startswith("llemulator")} == set()
    assert receiver.spans() == [] and client.stderr == ""
