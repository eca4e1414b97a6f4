// Headers of answers, and errors in the style of the layer that refuses.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { exchange } from './emulator.mjs';

const read = (name) => JSON.parse(readFileSync(new URL(`goldens/${name}.json`, import.meta.url), 'utf8'));

for (const { name, headers, absent, ...request } of read('headers')) {
  test(`headers: ${name}`, async () => {
    const got = (await exchange(request)).headers;
    for (const [header, form] of Object.entries(headers)) assert.match(got[header] ?? '(absent)', new RegExp(form), header);
    for (const header of absent) assert.equal(got[header], undefined, header);
  });
}

/** How each layer writes an error (real-traffic §2.7). */
const STYLES = {
  edge: { indent: 4, end: '\n', type: 'application/json; charset=utf-8', absent: ['openai-version', 'openai-processing-ms', 'openai-organization'] },
  // The server of the model itself: its body looks like the edge's, its headers are the API's (b997a31b54737499).
  backend: { indent: 4, end: '\n', type: 'application/json', absent: ['vary'] },
  router: { indent: 2, end: '', type: 'application/json; charset=utf-8', absent: ['openai-version', 'openai-processing-ms'] },
  api: { indent: 2, end: '', type: 'application/json', absent: [] },
};

for (const { name, style, status, error, headers, ...request } of read('errors')) {
  test(`error: ${name}`, async () => {
    const got = await exchange(request);
    const form = STYLES[style];
    // The key is shown masked; how depends on its length.
    const shown = got.text.replace(/provided: [^ ]+\. You/, 'provided: {key}. You');
    assert.equal(shown, JSON.stringify({ error }, null, form.indent) + form.end);
    assert.equal(got.status, status);
    assert.equal(got.headers['content-type'], form.type);
    for (const header of form.absent) assert.equal(got.headers[header], undefined, header);
    for (const [header, value] of Object.entries(headers ?? {})) assert.equal(got.headers[header], value, header);
    assert.equal(got.headers['content-length'], String(Buffer.byteLength(got.text)));
  });
}
