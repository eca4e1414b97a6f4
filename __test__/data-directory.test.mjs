// What is kept across restarts.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startEmulator } from 'llemulator';
import { chat, client } from './support.mjs';

let dataDir;
beforeEach(() => (dataDir = mkdtempSync(path.join(tmpdir(), 'llemulator-'))));
afterEach(() => rmSync(dataDir, { recursive: true }));

test('what a session was told and keeps is there after a restart', async () => {
  const first = await startEmulator({ dataDir });
  const before = first.session('kept');
  before.replies('one', 'two', () => 'of a process');
  expect(await chat(before, 'x')).toBe('one');
  const { id } = await client(before).conversations.create({ metadata: { n: '1' } });
  await first.stop();
  const second = await startEmulator({ dataDir, durability: 'power' });
  const after = second.session('kept');
  expect(await chat(after, 'x')).toBe('two');
  // A function ended with the emulator that had it.
  await expect(chat(after, 'x')).rejects.toMatchObject({ code: 'no_matching_rule' });
  expect((await client(after).conversations.retrieve(id)).metadata).toEqual({ n: '1' });
  await second.stop();
});

test('a directory has one holder, who is named', async () => {
  const emulator = await startEmulator({ dataDir });
  await expect(startEmulator({ dataDir })).rejects.toMatchObject({
    code: 'ERR_LLEMULATOR_DATA_DIR',
    message: expect.stringContaining(`${dataDir} is held by another emulator of this process (${process.pid})`),
  });
  await emulator.stop();
  await (await startEmulator({ dataDir })).stop();
});

test('what a newer version wrote is refused and left as it is', async () => {
  await (await startEmulator({ dataDir })).stop();
  const format = path.join(dataDir, 'format');
  writeFileSync(format, '{"llemulator_data":9}');
  await expect(startEmulator({ dataDir })).rejects.toMatchObject({ code: 'ERR_LLEMULATOR_DATA_DIR', message: expect.stringContaining('newer version') });
  expect(readFileSync(format, 'utf8')).toBe('{"llemulator_data":9}');
});
