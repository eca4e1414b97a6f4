// Nothing is stopped, a function is kept, one is still running: the process ends all the same.
import { startEmulator } from 'llemulator';

const emulator = await startEmulator();
const api = emulator.session();
let called;
const running = new Promise((resolve) => (called = resolve));
api.replies(() => (called(), new Promise(() => {})), () => 'never asked');
const abort = new AbortController();
const request = fetch(`${api.baseURL}/chat/completions`, {
  method: 'POST',
  signal: abort.signal,
  headers: { 'content-type': 'application/json', authorization: `Bearer ${api.apiKey}` },
  body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }),
}).catch(() => {});
await running;
if (process.argv.includes('--exit')) process.exit(0);
abort.abort();
await request;
