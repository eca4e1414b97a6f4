"""Every other resource through the official client, as its README and guides have it."""

import base64
import time

import openai
import pytest
from sound import sound

OFFER = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"


def test_a_large_file_is_uploaded_in_parts(session, tmp_path):
    client = session([]).client
    path = tmp_path / "large.jsonl"
    path.write_bytes(b"{}\n" * 100)
    done = client.uploads.upload_file_chunked(file=path, mime_type="application/jsonl", purpose="batch", part_size=128)
    assert (done.status, done.file.bytes) == ("completed", 300)
    assert client.files.content(done.file.id).read() == path.read_bytes()
    other = client.uploads.create(filename="b.txt", bytes=3, mime_type="text/plain", purpose="assistants")
    client.uploads.parts.create(other.id, data=b"abc")
    assert client.uploads.cancel(other.id).status == "cancelled"


def test_texts_and_pictures_are_moderated(session):
    rule = {"match": {"operation": "moderations.create"}, "moderation": {"flagged": True, "categories": ["violence"]}}
    client = session([rule]).client
    [flagged] = client.moderations.create(model="omni-moderation-latest", input="I want to hurt them.").results
    assert flagged.flagged and flagged.categories.violence
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    [fine] = client.moderations.create(model="omni-moderation-latest", input=[{"type": "text", "text": "x"}, picture]).results
    applied = fine.category_applied_input_types
    assert (fine.flagged, applied.violence, applied.hate) == (False, ["text", "image"], ["text"])


def test_a_picture_is_varied_sound_is_translated_a_voice_is_made_of_a_consent(session):
    client = session([{"match": {"operation": "audio.translations.create"}, "transcript": "Good day."}]).client
    asked = {"size": "256x256", "response_format": "b64_json"}
    made = client.images.generate(model="dall-e-2", prompt="a cat", **asked)
    picture = ("cat.png", base64.b64decode(made.data[0].b64_json), "image/png")
    assert len(client.images.create_variation(image=picture, n=2, **asked).data) == 2
    assert client.audio.translations.create(model="whisper-1", file=sound()).text == "Good day."
    consent = client.audio.voice_consents.create(name="Ada", language="en-US", recording=sound())
    assert [one.id for one in client.audio.voice_consents.list()] == [consent.id]
    voice = client.audio.voices.create(name="Ada", consent=consent.id, audio_sample=sound())
    speech = {"model": "gpt-4o-mini-tts", "voice": {"id": voice.id}, "input": "Hello", "response_format": "wav"}
    assert client.audio.speech.create(**speech).read()[:4] == b"RIFF"
    assert client.audio.voice_consents.delete(consent.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.audio.voice_consents.retrieve(consent.id)


def test_pictures_come_as_svg_and_as_gif(session):
    client = session([]).client
    for output_format, start in [("svg", b"<svg"), ("gif", b"GIF8")]:
        made = client.images.generate(model="gpt-image-2.6-sunburst", prompt="a cat", output_format=output_format)
        assert base64.b64decode(made.data[0].b64_json)[:4] == start
        assert made.output_format == output_format


def test_a_response_that_may_wait_for_hours_runs_in_the_background(session):
    client = session(["Done."]).client
    asked = {"model": "gpt-6.2-astra", "input": "x", "background_options": {"completion_window": "8h"}}
    response = client.responses.create(**asked, background=True)
    while response.status in ("queued", "in_progress"):
        response = client.responses.retrieve(response.id)
    assert response.output_text == "Done."
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(**asked)
    assert refused.value.param == "background"


def test_containers_hold_files_and_videos_are_made(session):
    client = session([]).client
    container = client.containers.create(name="c")
    file = client.containers.files.create(container.id, file=("data.csv", b"a,b"))
    assert file.path == "/mnt/data/data.csv"
    assert [one.id for one in client.containers.files.list(container.id)] == [file.id]
    assert client.containers.delete(container.id) is None
    video = client.videos.create_and_poll(prompt="a cat", seconds="4")
    assert video.status == "completed"
    assert client.videos.download_content(video.id).read()[4:8] == b"ftyp"
    assert client.videos.remix(video.id, prompt="at night").remixed_from_video_id == video.id
    assert len(list(client.videos.list())) == 2


def test_a_conversation_is_kept(session):
    client = session([]).client
    item = {"type": "message", "role": "user", "content": "Hello!"}
    conversation = client.conversations.create(metadata={"topic": "demo"}, items=[item])
    [kept] = client.conversations.items.list(conversation.id)
    assert client.conversations.items.retrieve(kept.id, conversation_id=conversation.id).role == "user"
    assert client.conversations.update(conversation.id, metadata={"topic": "other"}).metadata == {"topic": "other"}
    assert client.conversations.delete(conversation.id).deleted


def test_a_webhook_endpoint_is_made_tested_and_its_secret_rotated(session):
    webhooks = session([]).client.webhooks
    assert "batch.completed" in webhooks.event_types.list().data
    made = webhooks.create(name="mine", url="https://example.com/hook", event_types=["batch.completed"])
    assert webhooks.retrieve(made.id).event_types == ["batch.completed"]
    assert webhooks.update(made.id, name="yours").name == "yours"
    webhooks.test(made.id, event_type="batch.completed")
    rotated = webhooks.rotate_secret(made.id).signing_secret
    assert made.signing_secret.startswith("whsec_") and rotated.startswith("whsec_") and rotated != made.signing_secret
    assert [one.id for one in webhooks.list()] == [made.id]
    webhooks.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        webhooks.retrieve(made.id)


def test_realtime_gives_secrets_live_sessions_begin_chatkit_has_sessions(session):
    client = session([]).client
    secret = client.realtime.client_secrets.create(
        session={"type": "realtime", "model": "gpt-realtime"}, expires_after={"anchor": "created_at", "seconds": 60}
    )
    assert secret.value.startswith("ek_") and 0 < secret.expires_at - time.time() <= 60
    assert client.realtime.calls.create(sdp=OFFER).read().startswith(b"v=0")
    live = client.live.create(session={"model": "gpt-live-1.1"}, transport={"type": "webrtc", "sdp": OFFER})
    assert live.transport.sdp.startswith("v=0")
    assert client.live.sessions.download_recording(live.session.id).read()
    chat = client.beta.chatkit.sessions.create(user="u", workflow={"id": "wf_1"})
    assert (chat.status, chat.user) == ("active", "u") and chat.client_secret.startswith("ek_")
    assert client.beta.chatkit.sessions.cancel(chat.id).status == "cancelled"


def test_agents_have_sessions_environments_automations_and_vaults(session):
    agents = session([]).client.beta.agents
    agent = agents.create(model="gpt-6.2-sol", name="Ada")
    assert agents.update(agent.id, name="Bob").name == "Bob"
    asked = {"agent_id": agent.id, "environment": {"type": "none"}}
    made = agents.sessions.create(**asked, metadata={"of": "one"})
    agents.sessions.create(**asked, metadata={"of": "two"})
    assert [one.id for one in agents.sessions.list(metadata={"of": "one"})] == [made.id]
    agents.sessions.events.create(
        made.id,
        events=[
            {
                "type": "agent.session.input.mcp_approval_request_result",
                "request_id": "r",
                "response": {"type": "mcp_tool_call", "decision": "approve"},
            }
        ],
        idempotency_key="once",
    )
    assert [event.type for event in agents.sessions.events.stream(made.id)][-1] == "agent.session.idle"
    hosted = {"environment": {"type": "openai_hosted"}, "idempotency_key": "once"}
    assert agents.environments.create(**hosted).id == agents.environments.create(**hosted).id
    target = {"type": "existing_session", "session_id": made.id, "instructions": "Report."}
    automation = agents.automations.create(name="daily", type="periodic", expression="0 9 * * *", timezone="UTC", target=target)
    assert agents.automations.pause(automation.id).status == "paused"
    vault = agents.vaults.create(name="keys")
    auth = {"type": "static_bearer", "mcp_server_url": "https://example.com", "token": "x"}
    credential = agents.vaults.credentials.create(vault.id, name="token", auth=auth)
    assert [one.id for one in agents.vaults.credentials.list(vault.id)] == [credential.id]
    assert agents.vaults.delete(vault.id).deleted
    with pytest.raises(openai.NotFoundError):
        agents.vaults.credentials.retrieve(credential.id, vault_id=vault.id)
    assert agents.delete(agent.id).deleted


def test_decisions_are_made_provenance_is_looked_for_safety_cases_are_not_found(session):
    client = session([]).client
    question = {"type": "predicate", "instructions": "Is it an animal?"}
    [answer] = client.decisions.create(model="gpt-6.2-sol", input="A cat.", questions=[question]).answers
    assert (answer.type, 0 <= answer.probability <= 1) == ("predicate", True)
    assert client.content_provenance_checks.create(file=("a.txt", b"no picture"))
    with pytest.raises(openai.NotFoundError):
        client.safety.cases.retrieve("case_none")


def test_an_administrator_keeps_an_organization_and_pages_through_it(session, ask):
    one = session(["hi"])
    one.client.chat.completions.create(**ask())
    organization = openai.OpenAI(admin_api_key=one.key, **one.options).admin.organization
    names = ["a", "b", "c", "d", "e"]
    projects = [organization.projects.create(name=name) for name in names]
    assert [project.name for project in organization.projects.list(limit=2)] == names
    invite = organization.invites.create(email="ada@example.com", role="reader")
    assert [one.email for one in organization.invites.list()] == ["ada@example.com"]
    assert organization.invites.delete(invite.id).deleted
    account = organization.projects.service_accounts.create(projects[0].id, name="ci")
    assert account.api_key.value.startswith("sk-")
    assert organization.projects.service_accounts.retrieve(account.id, project_id=projects[0].id).name == "ci"
    assert organization.projects.archive(projects[0].id).status == "archived"
    assert len(list(organization.projects.list())) == 4
    key = organization.admin_api_keys.create(name="k")
    assert organization.admin_api_keys.retrieve(key.id).name == "k"
    role = organization.roles.create(role_name="reader", permissions=["api.read"])
    assert [one.id for one in organization.roles.list()] == [role.id]
    usage = organization.usage.completions(start_time=int(time.time()) - 3600)
    assert sum(result.num_model_requests for bucket in usage.data for result in bucket.results) == 1


def test_azure_reaches_what_is_under_no_deployment_too(session):
    rule = {"match": {"operation": "audio.transcriptions.create"}, "transcript": "Hello."}
    one = session(["Oslo.", rule])
    endpoint = one.options["base_url"].removesuffix("/v1")
    azure = openai.AzureOpenAI(api_key=one.key, azure_endpoint=endpoint, api_version="2025-04-01-preview")
    assert azure.responses.create(model="my-gpt", input="Capital of Norway?").output_text == "Oslo."
    assert azure.images.generate(model="my-pictures", prompt="a cat").data[0].b64_json
    assert azure.audio.transcriptions.create(model="my-ears", file=sound()).text == "Hello."
    assert azure.audio.speech.create(model="my-voice", voice="alloy", input="x").read()
    made = azure.files.create(file=("a.csv", b"a,b"), purpose="assistants")
    raw = azure.files.with_raw_response.retrieve(made.id)
    assert (raw.parse().id, raw.headers["x-ms-region"]) == (made.id, "East US 2")
    assert azure.beta.assistants.create(model="my-gpt").model == "my-gpt"
    with pytest.raises(openai.NotFoundError) as refused:
        openai.OpenAI(api_key=one.key, base_url=f"{endpoint}/openai", max_retries=0).files.list()
    assert refused.value.code == "404"


def test_reasoning_usage_in_every_chunk_and_comments_of_other_servers(session, ask):
    reply = {"reasoning": "Two and two.", "text": "Four.", "dialect": "vllm", "pace": {"delay_ms": 20, "keep_alive_ms": 1}}
    client = session([reply, reply]).client
    message = client.chat.completions.create(**ask()).choices[0].message
    assert (message.reasoning_content, message.reasoning, message.content) == ("Two and two.", "Two and two.", "Four.")
    chunks = list(client.chat.completions.create(**ask(), stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == "Two and two."
    assert "".join(delta.content or "" for delta in deltas) == "Four."
    used = [chunk.usage.completion_tokens for chunk in chunks]
    assert used == sorted(used) and used[-1] > 0
