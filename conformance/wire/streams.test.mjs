// Streams: framing, chunks character by character, the order of events and of their keys.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { exchange } from './emulator.mjs';
import { mismatch } from './template.mjs';

const read = (name) => JSON.parse(readFileSync(new URL(`goldens/${name}.json`, import.meta.url), 'utf8'));
const keysOf = read('events');

for (const { name, golden, ...request } of read('chunks')) {
  test(`chunks: ${name}`, async () => {
    const { text } = await exchange(request);
    const blocks = text.split('\n\n');
    assert.equal(blocks.pop(), '', 'the stream ends with an empty line');
    assert.equal(blocks.pop(), 'data: [DONE]');
    assert.equal(blocks.length, golden.length, text);
    for (const [index, block] of blocks.entries()) {
      assert.ok(block.startsWith('data: '), block);
      const line = block.slice(6);
      assert.equal(mismatch(golden[index], 'compact', '', line), undefined);
      // obfuscation pads every line to one more than a multiple of 16 characters
      if (line.includes('"obfuscation"')) assert.equal([...line].length % 16, 1, line);
    }
  });
}

for (const { name, body, reply, steps } of read('steps')) {
  test(`events: ${name}`, async () => {
    const { text } = await exchange({ path: '/v1/responses', body, reply });
    const blocks = text.split('\n\n');
    assert.equal(blocks.pop(), '', 'the stream ends with an empty line, without [DONE]');
    const events = blocks.map((block) => {
      const [, event, data] = /^event: (\S+)\ndata: (.*)$/.exec(block) ?? assert.fail(block);
      assert.equal(JSON.parse(data).type, event);
      return JSON.parse(data);
    });
    const types = events.map((event) => event.type);
    assert.deepEqual(types.filter((type, at) => type !== types[at - 1]), steps.map((step) => `response.${step}`));
    for (const [index, event] of events.entries()) {
      assert.equal(event.sequence_number, index);
      assert.deepEqual(Object.keys(event), keysOf[event.type].keys, event.type);
      if (event.obfuscation !== undefined) assert.equal(([...event.delta].length + event.obfuscation.length) % 16, 0);
      if (event.response) assert.equal('billing' in event.response, false, 'billing is in plain answers only');
    }
  });
}
