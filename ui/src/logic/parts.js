// What a message holds beside its text: pictures, sounds, files. Written by clients, so nothing of it is ever fetched.

/**
 * The parts that are no text, for each message of a request as its conversation lists them.
 * @param {any} body
 * @returns {Part[][]}
 * @typedef {{ kind: 'image' | 'audio' | 'other', source: string | null, text: string }} Part
 *   `source`: a `data:` URL that can be shown; null where only `text` says what it is
 */
export function partsOf(body) {
  const items = [body?.messages, body?.input].find(Array.isArray);
  if (!items) return [];
  const before = typeof body.instructions === 'string' ? [[]] : [];
  return [...before, ...items.filter(isMessage).map((item) => [item.content, item.output].filter(Array.isArray).flat().flatMap(partOf))];
}

/** Whether a conversation lists an item: it has a role, or is a call or its result. */
const isMessage = (item) => item?.role !== undefined || /^(function|custom_tool)_call(_output)?$/.test(item?.type ?? '');

const isShown = (url, kind) => typeof url === 'string' && url.startsWith(`data:${kind}/`);

/** @returns {Part[]} */
function partOf(part) {
  if (typeof part?.text === 'string' || part === null || typeof part !== 'object') return [];
  const url = part.image_url?.url ?? part.image_url;
  if (url !== undefined) return [{ kind: 'image', source: isShown(url, 'image') ? url : null, text: String(url) }];
  if (part.input_audio?.data) return [{ kind: 'audio', source: `data:audio/${/^\w+$/.exec(part.input_audio.format) ?? 'wav'};base64,${part.input_audio.data}`, text: String(part.input_audio.format) }];
  const file = part.file ?? part;
  const text = [part.refusal, file.filename, file.file_id, file.file_url].find((one) => typeof one === 'string');
  return [{ kind: 'other', source: null, text: text ?? String(part.type) }];
}

/** The pictures that an answer brings. @returns {Part[]} */
export const picturesOf = (body) => [body?.data].filter(Array.isArray).flat().filter((one) => typeof one?.b64_json === 'string')
  .map(({ b64_json: data }) => ({ kind: 'image', source: `data:image/${/^(jpeg|webp)$/.exec(body.output_format)?.[0] ?? 'png'};base64,${data}`, text: '' }));

/** Beyond this a text within JSON is cut. */
const LONGEST = 300;

/** A value whose long texts, such as a picture's bytes, are cut: people look for what is around them. */
export function shortened(value) {
  if (typeof value === 'string') return value.length > LONGEST ? `${value.slice(0, 40)}… (${value.length})` : value;
  if (Array.isArray(value)) return value.map(shortened);
  return value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shortened(one)])) : value;
}
