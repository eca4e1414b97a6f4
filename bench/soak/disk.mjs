// A disk that is full, and has room again: what the data directory keeps, and what is recorded.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fetchOnce } from './clients.mjs';
import { startServer } from './server.mjs';

/** An emulator on a small disk of its own: `whileFull` does something while nothing finds room there, `after` when it does again. */
async function onFullDisk(flags, before, whileFull, after) {
  const server = await startServer({ descriptors: 200, megabytes: 8 }, flags);
  const headers = { authorization: 'Bearer sk-disk', 'content-type': 'application/json' };
  const ask = (path, body) => fetchOnce(server.port, path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers });
  await before(ask);
  const ballast = `${server.tmp()}/ballast`;
  fill(ballast);
  const full = [];
  for (let i = 0; i < 10; i++) full.push(await whileFull(ask, i, server));
  rmSync(ballast);
  const then = await after(ask, server);
  const said = server.complaints();
  return { full, then, said, ended: await server.stop() };
}

/** What is stored in a data directory. */
export async function fullDataDirectory() {
  const store = (ask, text) => ask('/v1/conversations', { items: [{ role: 'user', content: text.repeat(5000) }] });
  const kept = [];
  const acknowledged = async (answer) => kept.push(JSON.parse((await answer).text).id);
  const { full, then, ended } = await onFullDisk(
    (tmp) => ['--data-dir', `${tmp}/data`],
    (ask) => acknowledged(store(ask, 'before')),
    (ask, i) => store(ask, `full ${i}`),
    async (ask) => {
      let answer;
      await soon(async () => (answer = await store(ask, 'after')).status === 200);
      await acknowledged(answer);
      return Promise.all(kept.map(async (id) => (await ask(`/v1/conversations/${id}`)).status));
    },
  );
  const codes = [...new Set(full.map(({ status, text }) => `${status} ${JSON.parse(text).error?.code}`))];
  return {
    found: `10 objects to be stored: ${codes}; with room again one is stored, and what was acknowledged is there: ${then.join(', ')}`,
    held: codes.length === 1 && codes[0].endsWith('data_not_written') && then.every((status) => status === 200) && ended === 0,
  };
}

/** What is recorded of the emulator at `upstream`. */
export async function fullCassettes(upstream) {
  const chat = (ask) => ask('/v1/chat/completions', { model: 'gpt-4o', messages: [{ role: 'user', content: 'disk' }] });
  const { full, then, said, ended } = await onFullDisk(
    (tmp) => ['--record', `${tmp}/cassettes`, '--record-mode', 'all', '--fallback', 'upstream', '--upstream', `${upstream}/v1`],
    async () => {},
    async (ask, i, server) => {
      const answer = await chat(ask);
      // It is recorded after it has left.
      await soon(() => server.complaints().length > i);
      return answer;
    },
    async (ask, server) => (await chat(ask)).status === 200 && soon(() => readdirSync(`${server.tmp()}/cassettes`).length > 0),
  );
  const statuses = [...new Set(full.map(({ status }) => status))];
  const unrecorded = said.filter((line) => line.includes('was not recorded')).length;
  return {
    found: `10 answers of an upstream: ${statuses}, with ${unrecorded} complaints that they are not recorded; with room again one is`,
    held: statuses.length === 1 && statuses[0] === 200 && unrecorded === 10 && then && ended === 0,
  };
}

/** Whether something becomes true within some seconds. */
async function soon(holds) {
  for (let i = 0; i < 200; i++) {
    if (await holds()) return true;
    await wait(50);
  }
  return false;
}

/** Takes all the room there is. */
function fill(file) {
  for (let bytes = 1 << 20; bytes >= 1; ) {
    try {
      writeFileSync(file, Buffer.alloc(bytes), { flag: 'a' });
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
      bytes >>= 1;
    }
  }
}
