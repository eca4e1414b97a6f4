"""Files, batches, pictures and sound as openai-python's guides have them."""

import base64
import io
import json

import openai
import pytest


def question(name, content):
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": content}]}
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}


def finished(client, batch):
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        batch = client.batches.retrieve(batch.id)
    return batch


def test_a_file_is_uploaded_waited_for_and_read_back(session):
    client = session([]).client
    file = client.files.create(file=("data.bin", b"\x00\x01\xff"), purpose="vision")
    assert client.files.wait_for_processing(file.id).status == "processed"
    assert [(one.id, one.bytes) for one in client.files.list(purpose="vision")] == [(file.id, 3)]
    assert client.files.content(file.id).read() == b"\x00\x01\xff"
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_a_batch_is_polled_and_its_results_are_read(session):
    client = session(["Oslo.", "Paris."]).client
    lines = "\n".join(json.dumps(question(name, "Which city?")) for name in ("a", "b"))
    file = client.files.create(file=("in.jsonl", lines.encode()), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"of": "cities"}
    )
    batch = finished(client, batch)
    assert (batch.status, batch.request_counts.completed, batch.metadata) == ("completed", 2, {"of": "cities"})
    results = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
    said = [line["response"]["body"]["choices"][0]["message"]["content"] for line in results]
    assert said == ["Oslo.", "Paris."]
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


def test_a_picture_is_edited_with_two_files(session):
    client = session([]).client
    made = client.images.generate(model="gpt-image-1", prompt="a lighthouse")
    picture = base64.b64decode(made.data[0].b64_json)
    image = [("one.png", picture, "image/png"), ("two.png", picture, "image/png")]
    edited = client.images.edit(model="gpt-image-1", image=image, prompt="both at night")
    assert base64.b64decode(edited.data[0].b64_json)[1:4] == b"PNG"


def test_speech_goes_to_a_file_and_comes_back_as_a_stream_of_text(session, tmp_path):
    client = session([{"match": {"operation": "audio.transcriptions.create"}, "transcript": "Hello there."}]).client
    path = tmp_path / "speech.wav"
    asked = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hello there.", "response_format": "wav"}
    with client.audio.speech.with_streaming_response.create(**asked) as speech:
        speech.stream_to_file(path)
    assert path.read_bytes()[:4] == b"RIFF"
    sound = io.BytesIO(path.read_bytes())
    sound.name = "speech.wav"
    events = list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound, stream=True))
    assert (events[-1].type, events[-1].text) == ("transcript.text.done", "Hello there.")
