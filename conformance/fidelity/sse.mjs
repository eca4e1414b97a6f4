// Streams: reading them, and naming what each event does so that two streams can be laid side by side.

/** Events of a body in the form of the recordings: `[{event, data}]`, data parsed unless it is `[DONE]`. */
export function parseSse(text) {
  return text
    .split('\n\n')
    .filter(Boolean)
    .map((block) => {
      const fields = { event: null, data: '' };
      for (const line of block.split('\n')) {
        const [, name, value] = /^(\w+): ?(.*)$/s.exec(line) ?? [];
        if (name) fields[name] = value;
      }
      return { event: fields.event, data: fields.data === '[DONE]' ? '[DONE]' : JSON.parse(fields.data) };
    });
}

/** What a chat or completions chunk does, per choice. */
function kindsOfChunk(data) {
  if (data === '[DONE]') return ['done'];
  if (data.error) return ['error'];
  if (!data.choices?.length) return ['usage'];
  return data.choices.map((choice) => {
    const { delta, text, finish_reason: finish, index } = choice;
    const at = index ? `${index}:` : '';
    if (finish) return `${at}finish`;
    if (text !== undefined) return `${at}text`;
    const call = delta.tool_calls?.[0] ?? (delta.function_call && { id: delta.function_call.name });
    if (delta.role) return `${at}role${call ? '+call' : ''}`;
    if (call) return call.id ? `${at}call` : `${at}arguments`;
    if (delta.audio) return `${at}audio`;
    return typeof delta.refusal === 'string' ? `${at}refusal` : `${at}text`;
  });
}

const kindsOf = ({ data }) => (typeof data === 'object' && data.type && !data.choices ? [data.type] : kindsOfChunk(data));

/**
 * The steps of a stream: runs of events that do the same are one step, named by the kind and its number
 * (`response.output_item.added#2`), with the first event of the run. The choices of `n` > 1 interleave by chance, so
 * each choice's steps stand together. Keep-alives say nothing.
 * @returns {{steps: string[], firsts: Map<string, object>}}
 */
export function stepsOf(events) {
  const perChoice = new Map();
  for (const event of events) {
    for (const kind of kindsOf(event)) {
      if (kind === 'keepalive') continue;
      const choice = /^\d+:/.exec(kind)?.[0] ?? (['usage', 'done', 'error'].includes(kind) ? 'end' : '');
      if (!perChoice.has(choice)) perChoice.set(choice, []);
      const steps = perChoice.get(choice);
      if (steps.at(-1)?.kind !== kind) steps.push({ kind, data: event.data });
    }
  }
  const order = [...perChoice.keys()].sort((a, b) => (a === 'end') - (b === 'end') || a.localeCompare(b));
  const firsts = new Map();
  const steps = [];
  const seen = new Map();
  for (const { kind, data } of order.flatMap((choice) => perChoice.get(choice))) {
    const number = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, number);
    const name = number > 1 ? `${kind}#${number}` : kind;
    steps.push(name);
    if (typeof data === 'object') firsts.set(name, data);
  }
  return { steps, firsts };
}
