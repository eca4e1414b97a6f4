// What the guide to coming from other tools says of how it was runs with those tools. Each patches the HTTP client of the
// process, so each is loaded where it is needed, and taken out again.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import { session, url } from './support.mjs';

const AsyncFunction = (async () => {}).constructor;
const guide = readFileSync(new URL('../../../docs/migrating.md', import.meta.url), 'utf8');
const [polly, nocked, msw, aimock] = [...guide.matchAll(/^```mjs\n(.*?)^```/gms)].map(([, code]) => code);
const folder = mkdtempSync(path.join(tmpdir(), 'llemulator-migrating-'));
after(() => rmSync(folder, { recursive: true }));

/** What a block has at its end as its answer. */
async function said(code, names) {
  const given = /let text/.test(code) ? names : { ...names, text: undefined };
  const whole = `${code}; return text ?? answer.choices[0].message.content;`;
  return new AsyncFunction(...Object.keys(given), whole)(...Object.values(given));
}

test('aimock', async () => {
  const { LLMock } = await import('@copilotkit/aimock');
  assert.equal(await said(aimock, { LLMock, OpenAI }), 'Paris.');
});

test('MSW', async () => {
  const { HttpResponse, http } = await import('msw');
  const { setupServer } = await import('msw/node');
  assert.equal(await said(msw, { setupServer, http, HttpResponse, OpenAI }), 'Paris.');
});

test('nock', async () => {
  const { default: nock } = await import('nock');
  nock.disableNetConnect();
  assert.equal(await said(nocked, { nock, OpenAI }), 'Paris.');
  nock.enableNetConnect();
  nock.restore();
});

test('Polly.JS', async () => {
  const { Polly } = await import('@pollyjs/core');
  const { default: FetchAdapter } = await import('@pollyjs/adapter-fetch');
  const { default: FsPersister } = await import('@pollyjs/persister-fs');
  Polly.register(FetchAdapter);
  Polly.register(FsPersister);
  const { key } = await session(['Paris.']);
  const Here = class extends OpenAI {
    constructor() {
      super({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 });
    }
  };
  const code = polly.replace("'recordings'", 'folder');
  // Recorded first; the one reply that there is, is used up then.
  for (const text of [code.replace('recordIfMissing: false', 'recordIfMissing: true'), code]) assert.equal(await said(text, { Polly, folder, OpenAI: Here }), 'Paris.');
});
