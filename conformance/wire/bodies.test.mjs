// Answers that are no streams, character by character.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { exchange } from './emulator.mjs';
import { mismatch } from './template.mjs';

const goldens = JSON.parse(readFileSync(new URL('goldens/bodies.json', import.meta.url), 'utf8'));

for (const { name, golden, end, ...request } of goldens) {
  test(`body: ${name}`, async () => {
    const { status, text } = await exchange(request);
    assert.equal(status, 200, text);
    assert.equal(mismatch(golden, 'pretty', end, text), undefined);
  });
}

test('body: models', async () => {
  // recording 4d5a07fb1a85ab5e
  const { text } = await exchange({ method: 'GET', path: '/v1/models' });
  assert.match(text, /^\{\n  "object": "list",\n  "data": \[\n    \{\n      "id": "[^"]+",\n      "object": "model",\n      "created": \d+,\n      "owned_by": "[^"]+"\n    \}/);
  assert.ok(text.endsWith('  ]\n}'), 'no final newline');
});
