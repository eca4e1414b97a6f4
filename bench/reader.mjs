// Reads one answer in a process of its own, and tells how many milliseconds that took: `reader.mjs URL BODY`.
import { ask } from './measure.mjs';

const [, , url, body] = process.argv;
const headers = { authorization: 'Bearer sk-reader', 'content-type': 'application/json' };
const { ms } = await ask(url, { method: 'POST', headers, body });
process.send(ms);
process.disconnect();
