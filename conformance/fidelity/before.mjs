// What a recorded request is about, made before it is sent: threads, runs, files of a form. Only what was refused is
// replayed of these endpoints: what was answered would show what was made here.
import { repaired } from './corpus.mjs';

const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==', 'base64');

/** Endpoints whose refusals are replayed, and how what their paths name comes about. */
const MADE = {
  'POST /v1/threads/{thread_id}': async (ask) => `/v1/threads/${(await ask('/v1/threads', {})).id}`,
  'POST /v1/threads/{thread_id}/runs': async (ask) => `/v1/threads/${(await ask('/v1/threads', {})).id}/runs`,
  'POST /v1/threads/{thread_id}/runs/{run_id}': async (ask) => running(ask),
  'POST /v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs': async (ask) => `${await running(ask)}/submit_tool_outputs`,
  'POST /v1/fine_tuning/jobs/{job_id}/cancel': async (_, path) => path,
  'POST /v1/images/generations': async (_, path) => path,
  'POST /v1/images/edits': async (_, path) => path,
  'GET /v1/conversations/{conversation_id}': async (_, path) => path,
  'GET /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files': async (_, path) => path,
};

/** A run that is under way: its reply is held. */
async function running(ask) {
  const { id: assistant } = await ask('/v1/assistants', { model: 'gpt-4o' });
  const { id: thread } = await ask('/v1/threads', { messages: [{ role: 'user', content: 'before' }] });
  const { id: run } = await ask(`/v1/threads/${thread}/runs`, { assistant_id: assistant });
  return `/v1/threads/${thread}/runs/${run}`;
}

/** What is scripted for a refusal: what failed at the server fails by its path; else the reply that keeps a run under way. */
export const scripted = ({ request, response }) =>
  response.status >= 500 ? { match: { path: request.path }, error: { status: response.status } } : { text: 'before', pace: { hold: { until: 'never' } } };

/** Whether an endpoint's refusals are replayed. */
export const isRefused = ({ endpoint, response }) => endpoint in MADE && response.status >= 400;

/**
 * The address and the body of a refusal.
 * @param {object} recording
 * @param {(path: string, body: unknown) => Promise<any>} ask  asks the emulator for what must be there
 */
export async function prepared({ endpoint, request }, ask) {
  const path = await MADE[endpoint](ask, request.path);
  if (!request.body?._multipart) {
    const made = request.body?.assistant_id ? { assistant_id: (await ask('/v1/assistants', { model: 'gpt-4o' })).id } : {};
    return { path, body: request.body ? JSON.stringify({ ...repaired(request.body), ...made }) : undefined };
  }
  const form = new FormData();
  for (const { name, value, filename, content_type: type } of request.body._multipart) {
    // Of files only their size was recorded: one that is what its type says, or is not.
    const bytes = /\.(png|jpe?g|webp)$/.test(filename ?? '') ? picture : Buffer.alloc(64);
    if (filename) form.append(name, new Blob([bytes], { type }), filename);
    else form.append(name, value);
  }
  return { path, body: form };
}
