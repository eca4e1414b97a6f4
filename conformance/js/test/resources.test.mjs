// Every other resource through the official client, as its README and guides have it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI, { AzureOpenAI, toFile } from 'openai';
import { all, ask, session, url } from './support.mjs';

const file = (content, name) => toFile(Buffer.from(content), name);
const gone = (call) => assert.rejects(call, { status: 404 });

/** A second of silence. */
const wav = () => {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + 16000, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  for (const [value, at] of [[1, 20], [1, 22], [2, 32], [16, 34]]) head.writeUInt16LE(value, at);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(16000, 28);
  head.write('data', 36);
  head.writeUInt32LE(16000, 40);
  return Buffer.concat([head, Buffer.alloc(16000)]);
};

test('a large file is uploaded in parts', async () => {
  const { client } = await session();
  const upload = await client.uploads.create({ filename: 'a.jsonl', bytes: 10, mime_type: 'application/jsonl', purpose: 'batch' });
  const parts = [];
  for (const data of ['{"a"', ': 1}\n\n']) parts.push(await client.uploads.parts.create(upload.id, { data: await file(data, 'part') }));
  const done = await client.uploads.complete(upload.id, { part_ids: parts.map((part) => part.id) });
  assert.deepEqual([done.status, done.file.bytes], ['completed', 10]);
  assert.equal(await (await client.files.content(done.file.id)).text(), '{"a": 1}\n\n');
  const other = await client.uploads.create({ filename: 'b.txt', bytes: 3, mime_type: 'text/plain', purpose: 'assistants' });
  assert.equal((await client.uploads.cancel(other.id)).status, 'cancelled');
});

test('texts and pictures are moderated', async () => {
  const { client } = await session([{ match: { operation: 'moderations.create' }, moderation: { flagged: true, categories: ['violence'] } }]);
  const { results: [flagged] } = await client.moderations.create({ model: 'omni-moderation-latest', input: 'I want to hurt them.' });
  assert.deepEqual([flagged.flagged, flagged.categories.violence], [true, true]);
  const picture = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };
  const { results: [fine] } = await client.moderations.create({ model: 'omni-moderation-latest', input: [{ type: 'text', text: 'x' }, picture] });
  assert.deepEqual([fine.flagged, fine.category_applied_input_types.violence, fine.category_applied_input_types.hate], [false, ['text', 'image'], ['text']]);
});

test('a picture is varied, sound is translated, a voice is made of a consent', async () => {
  const { client } = await session([{ match: { operation: 'audio.translations.create' }, transcript: 'Good day.' }]);
  const made = await client.images.generate({ model: 'dall-e-2', prompt: 'a cat', size: '256x256', response_format: 'b64_json' });
  const image = await toFile(Buffer.from(made.data[0].b64_json, 'base64'), 'cat.png', { type: 'image/png' });
  const varied = await client.images.createVariation({ image, n: 2, size: '256x256', response_format: 'b64_json' });
  assert.equal(varied.data.length, 2);
  assert.equal((await client.audio.translations.create({ model: 'whisper-1', file: await file(wav(), 'a.wav') })).text, 'Good day.');
  const recording = await file(wav(), 'consent.wav');
  const consent = await client.audio.voiceConsents.create({ name: 'Ada', language: 'en-US', recording });
  assert.deepEqual((await all(client.audio.voiceConsents.list())).map((one) => one.id), [consent.id]);
  const voice = await client.audio.voices.create({ name: 'Ada', consent: consent.id, audio_sample: await file(wav(), 'sample.wav') });
  const speech = await client.audio.speech.create({ model: 'gpt-4o-mini-tts', voice: { id: voice.id }, input: 'Hello', response_format: 'wav' });
  assert.equal(Buffer.from(await speech.arrayBuffer()).subarray(0, 4).toString(), 'RIFF');
  assert.equal((await client.audio.voiceConsents.delete(consent.id)).deleted, true);
  await gone(client.audio.voiceConsents.retrieve(consent.id));
});

test('pictures come as SVG and as GIF', async () => {
  const { client } = await session();
  for (const [output_format, start] of [['svg', '<svg'], ['gif', 'GIF8']]) {
    const made = await client.images.generate({ model: 'gpt-image-2.6-sunburst', prompt: 'a cat', output_format });
    assert.equal(Buffer.from(made.data[0].b64_json, 'base64').subarray(0, 4).toString(), start);
    assert.equal(made.output_format, output_format);
  }
});

test('a response that may wait for hours runs in the background', async () => {
  const { client } = await session(['Done.']);
  // Python's client has the field; this one passes it on.
  const asked = { model: 'gpt-6.2-astra', input: 'x', background: true, background_options: { completion_window: '8h' } };
  let response = await client.responses.create(asked);
  while (['queued', 'in_progress'].includes(response.status)) response = await client.responses.retrieve(response.id);
  assert.equal(response.output_text, 'Done.');
  await assert.rejects(client.responses.create({ ...asked, background: false }), { status: 400, param: 'background' });
});

test('a skill comes as files and as an archive, in versions', async () => {
  const { client } = await session();
  const text = '---\nname: tables\ndescription: Reads tables.\n---\nHow to.';
  const skill = await client.skills.create({ files: [await file(text, 'tables/SKILL.md'), await file('print(1)', 'tables/run.py')] });
  assert.deepEqual([skill.name, skill.default_version], ['tables', '1']);
  const archive = Buffer.from(await (await client.skills.content.retrieve(skill.id)).arrayBuffer());
  assert.equal(archive.subarray(0, 2).toString(), 'PK');
  await client.skills.versions.create(skill.id, { files: await toFile(archive, 'skill.zip'), default: true });
  assert.deepEqual((await all(client.skills.versions.list(skill.id))).map((one) => one.version), ['2', '1']);
  assert.equal((await client.skills.delete(skill.id)).deleted, true);
});

test('a conversation is kept, and a video is remixed', async () => {
  const { client } = await session();
  const conversation = await client.conversations.create({ metadata: { topic: 'demo' }, items: [{ type: 'message', role: 'user', content: 'Hello!' }] });
  const [item] = await all(client.conversations.items.list(conversation.id));
  assert.equal((await client.conversations.items.retrieve(item.id, { conversation_id: conversation.id })).role, 'user');
  assert.deepEqual((await client.conversations.update(conversation.id, { metadata: { topic: 'other' } })).metadata, { topic: 'other' });
  assert.equal((await client.conversations.delete(conversation.id)).deleted, true);
  let video = await client.videos.create({ prompt: 'a cat', seconds: '4' });
  while (video.status !== 'completed') video = await client.videos.retrieve(video.id);
  const remix = await client.videos.remix(video.id, { prompt: 'at night' });
  assert.equal(remix.remixed_from_video_id, video.id);
  assert.equal((await all(client.videos.list())).length, 2);
});

test('a webhook endpoint is made, tested, and its secret is rotated', async () => {
  const { client } = await session();
  const types = await client.webhooks.eventTypes.list();
  assert.ok(types.data.includes('batch.completed'));
  const made = await client.webhooks.create({ name: 'mine', url: 'https://example.com/hook', event_types: ['batch.completed'] });
  assert.deepEqual((await client.webhooks.retrieve(made.id)).event_types, ['batch.completed']);
  assert.equal((await client.webhooks.update(made.id, { name: 'yours' })).name, 'yours');
  await client.webhooks.test(made.id, { event_type: 'batch.completed' });
  const { signing_secret: rotated } = await client.webhooks.rotateSecret(made.id);
  assert.match(rotated, /^whsec_/);
  assert.notEqual(rotated, made.signing_secret);
  assert.deepEqual((await all(client.webhooks.list())).map((one) => one.id), [made.id]);
  await client.webhooks.delete(made.id);
  await gone(client.webhooks.retrieve(made.id));
});

const OFFER = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n';

test('realtime gives secrets and answers offers, live sessions begin, ChatKit has sessions', async () => {
  const { client } = await session();
  const secret = await client.realtime.clientSecrets.create({ session: { type: 'realtime', model: 'gpt-realtime' }, expires_after: { anchor: 'created_at', seconds: 600 } });
  assert.match(secret.value, /^ek_/);
  assert.ok(secret.expires_at > Date.now() / 1000);
  const answer = await client.realtime.calls.create({ sdp: OFFER });
  assert.match(await answer.text(), /^v=0/);
  const live = await client.live.create({ session: { model: 'gpt-live-1.1' }, transport: { type: 'webrtc', sdp: OFFER } });
  assert.match(live.transport.sdp, /^v=0/);
  const chat = await client.beta.chatkit.sessions.create({ user: 'u', workflow: { id: 'wf_1' }, expires_after: { anchor: 'created_at', seconds: 60 } });
  assert.deepEqual([chat.status, chat.user], ['active', 'u']);
  assert.equal((await client.beta.chatkit.sessions.cancel(chat.id)).status, 'cancelled');
});

test('agents have sessions, environments, automations and vaults', async () => {
  const { client } = await session();
  const { agents } = client.beta;
  const agent = await agents.create({ model: 'gpt-6.2-sol', name: 'Ada' });
  assert.equal((await agents.update(agent.id, { name: 'Bob' })).name, 'Bob');
  const made = await agents.sessions.create({ agent_id: agent.id, environment: { type: 'none' }, metadata: { of: 'one' } });
  await agents.sessions.create({ agent_id: agent.id, environment: { type: 'none' }, metadata: { of: 'two' } });
  assert.deepEqual((await all(agents.sessions.list({ metadata: { of: 'one' } }))).map((one) => one.id), [made.id]);
  const approval = { type: 'agent.session.input.mcp_approval_request_result', request_id: 'r', response: { type: 'mcp_tool_call', decision: 'approve' } };
  await agents.sessions.events.create(made.id, { events: [approval], 'Idempotency-Key': 'once' });
  const events = await all(await agents.sessions.events.stream(made.id));
  assert.equal(events.at(-1).type, 'agent.session.idle');
  const asked = { environment: { type: 'openai_hosted' } };
  const environment = await agents.environments.create({ ...asked, 'Idempotency-Key': 'once' });
  assert.equal((await agents.environments.create({ ...asked, 'Idempotency-Key': 'once' })).id, environment.id);
  const target = { type: 'existing_session', session_id: made.id, instructions: 'Report.' };
  const automation = await agents.automations.create({ name: 'daily', type: 'periodic', expression: '0 9 * * *', timezone: 'UTC', target });
  assert.equal((await agents.automations.pause(automation.id)).status, 'paused');
  const vault = await agents.vaults.create({ name: 'keys' });
  const credential = await agents.vaults.credentials.create(vault.id, { name: 'token', auth: { type: 'static_bearer', mcp_server_url: 'https://example.com', token: 'x' } });
  assert.deepEqual((await all(agents.vaults.credentials.list(vault.id))).map((one) => one.id), [credential.id]);
  assert.equal((await agents.vaults.delete(vault.id)).deleted, true);
  await gone(agents.vaults.credentials.retrieve(credential.id, { vault_id: vault.id }));
  assert.equal((await agents.delete(agent.id)).deleted, true);
});

test('decisions are made, provenance is looked for, safety cases are not found', async () => {
  const { client } = await session();
  const decision = await client.decisions.create({ model: 'gpt-6.2-sol', input: 'A cat.', questions: [{ type: 'predicate', instructions: 'Is it an animal?' }] });
  assert.deepEqual(decision.answers.map((answer) => answer.type), ['predicate']);
  const check = await client.contentProvenanceChecks.create({ file: await file('no picture', 'a.txt') });
  assert.ok(check);
  await gone(client.safety.cases.retrieve('case_none'));
});

test('an administrator keeps an organization', async () => {
  const { client, key } = await session(['hi']);
  await client.chat.completions.create(ask());
  const { organization } = new OpenAI({ apiKey: key, adminAPIKey: key, baseURL: client.baseURL }).admin;
  const invite = await organization.invites.create({ email: 'ada@example.com', role: 'reader' });
  assert.deepEqual((await all(organization.invites.list())).map((one) => one.email), ['ada@example.com']);
  assert.equal((await organization.invites.delete(invite.id)).deleted, true);
  const project = await organization.projects.create({ name: 'p' });
  const account = await organization.projects.serviceAccounts.create(project.id, { name: 'ci' });
  assert.match(account.api_key.value, /^sk-/);
  assert.equal((await organization.projects.serviceAccounts.retrieve(account.id, { project_id: project.id })).name, 'ci');
  assert.equal((await organization.projects.archive(project.id)).status, 'archived');
  assert.deepEqual(await all(organization.projects.list()), []);
  assert.equal((await all(organization.projects.list({ include_archived: true }))).length, 1);
  const adminKey = await organization.adminAPIKeys.create({ name: 'k' });
  assert.equal((await organization.adminAPIKeys.retrieve(adminKey.id)).name, 'k');
  const role = await organization.roles.create({ role_name: 'reader', permissions: ['api.read'] });
  assert.deepEqual((await all(organization.roles.list())).map((one) => one.id), [role.id]);
  const usage = await organization.usage.completions({ start_time: Math.floor(Date.now() / 1000) - 3600 });
  const counted = usage.data.flatMap((bucket) => bucket.results).reduce((sum, one) => sum + one.num_model_requests, 0);
  assert.equal(counted, 1);
});

test('AzureOpenAI reaches what is under no deployment too', async () => {
  const { key } = await session(['Oslo.', { match: { operation: 'audio.transcriptions.create' }, transcript: 'Hello.' }]);
  const azure = new AzureOpenAI({ endpoint: url, apiKey: key, apiVersion: '2025-04-01-preview' });
  const response = await azure.responses.create({ model: 'my-gpt', input: 'Capital of Norway?' });
  assert.equal(response.output_text, 'Oslo.');
  const picture = await azure.images.generate({ model: 'my-pictures', prompt: 'a cat' });
  assert.ok(picture.data[0].b64_json);
  const heard = await azure.audio.transcriptions.create({ model: 'my-ears', file: await file(wav(), 'a.wav') });
  assert.equal(heard.text, 'Hello.');
  const speech = await azure.audio.speech.create({ model: 'my-voice', voice: 'alloy', input: 'x' });
  assert.ok((await speech.arrayBuffer()).byteLength > 0);
  const made = await azure.files.create({ file: await file('a,b', 'a.csv'), purpose: 'assistants' });
  const { data, response: raw } = await azure.files.retrieve(made.id).withResponse();
  assert.deepEqual([data.id, raw.headers.get('x-ms-region')], [made.id, 'East US 2']);
  const assistant = await azure.beta.assistants.create({ model: 'my-gpt' });
  assert.equal((await azure.beta.assistants.retrieve(assistant.id)).model, 'my-gpt');
  const unversioned = new OpenAI({ apiKey: key, baseURL: `${url}/openai`, maxRetries: 0 });
  await assert.rejects(unversioned.files.list(), { status: 404, code: '404' });
});
