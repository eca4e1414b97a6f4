import { startEmulator } from 'llemulator';

const emulator = await startEmulator();
const api = emulator.session();
api.replies('Paris.');
const response = await fetch(`${api.baseURL}/responses`, {
  method: 'POST',
  headers: { authorization: `Bearer ${api.apiKey}`, 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'gpt-4o', input: 'x' }),
});
console.log((await response.json()).output[0].content[0].text);
await emulator.stop();
