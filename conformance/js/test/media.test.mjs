// Pictures and sound through the official client, as its guides have them.
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { all, session } from './support.mjs';

const png = (base64) => {
  const bytes = Buffer.from(base64, 'base64');
  assert.equal(bytes.subarray(1, 4).toString(), 'PNG');
  return { bytes, size: [bytes.readUInt32BE(16), bytes.readUInt32BE(20)] };
};

test('pictures are made, and edited with two files', async () => {
  const { client } = await session();
  const made = await client.images.generate({ model: 'gpt-image-1', prompt: 'a lighthouse', size: '1024x1024' });
  const { bytes, size } = png(made.data[0].b64_json);
  assert.deepEqual(size, [1024, 1024]);
  const image = await Promise.all(['one.png', 'two.png'].map((name) => toFile(bytes, name, { type: 'image/png' })));
  const edited = await client.images.edit({ model: 'gpt-image-1', image, prompt: 'both at night', size: '1536x1024' });
  assert.deepEqual(png(edited.data[0].b64_json).size, [1536, 1024]);
  const events = await all(await client.images.generate({ model: 'gpt-image-1', prompt: 'a ship', stream: true, partial_images: 1 }));
  assert.deepEqual(events.map((event) => event.type), ['image_generation.partial_image', 'image_generation.completed']);
});

test('speech goes to a file, and the file is transcribed as a stream', async () => {
  const { client } = await session([{ match: { operation: 'audio.transcriptions.create' }, transcript: 'Hello there.' }]);
  const folder = await mkdtemp(path.join(tmpdir(), 'speech-'));
  try {
    const file = path.join(folder, 'speech.wav');
    const speech = await client.audio.speech.create({ model: 'gpt-4o-mini-tts', voice: 'alloy', input: 'Hello there.', response_format: 'wav' });
    await writeFile(file, Buffer.from(await speech.arrayBuffer()));
    const header = (await readFile(file)).subarray(0, 12).toString('latin1');
    assert.deepEqual([header.slice(0, 4), header.slice(8)], ['RIFF', 'WAVE']);
    const asked = { model: 'gpt-4o-transcribe', file: createReadStream(file), stream: true };
    const events = await all(await client.audio.transcriptions.create(asked));
    const text = events.filter((event) => event.type === 'transcript.text.delta').map((event) => event.delta).join('');
    assert.deepEqual([text, events.at(-1).type, events.at(-1).text], ['Hello there.', 'transcript.text.done', 'Hello there.']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('an administrator pages through what there is', async () => {
  const { client, key } = await session();
  const admin = new OpenAI({ apiKey: key, adminAPIKey: key, baseURL: client.baseURL }).admin.organization;
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) await admin.projects.create({ name });
  assert.deepEqual((await all(admin.projects.list({ limit: 2 }))).map((project) => project.name), names);
});
