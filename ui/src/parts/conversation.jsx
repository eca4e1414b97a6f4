// A request as a conversation: who said what, which tools were called with what, what is offered.
import { t } from '../state/i18n.js';
import { parsed } from '../logic/parsed.js';
import { partsOf } from '../logic/parts.js';
import { schemaOf } from '../logic/start.js';
import { Json } from './json.jsx';

/** @param {{ conversation: { messages: any[], tools?: any[], format?: any } | null, body: unknown, said?: any }} props */
export function Conversation({ conversation, body, said }) {
  if (!conversation) return <><p class="muted">{t('This operation has no conversation: its body.')}</p><Json value={body} label={t('Request')} />{said}</>;
  const { messages = [], tools = [], format } = conversation;
  const parts = partsOf(body);
  return (
    <div class="conversation">
      {messages.map((message, index) => <Bubble key={index} message={message} parts={parts[index]} />)}
      {said}
      {(tools.length > 0 || isStructured(format)) && (
        <div class="offered">
          {tools.map((tool) => (
            <details key={tool.name}>
              <summary><span class="chip">{t('Tool')}</span> <code>{tool.name}</code></summary>
              <Json value={tool.parameters ?? {}} label={tool.name} />
            </details>
          ))}
          {isStructured(format) && (
            <details>
              <summary><span class="chip">{t('Format')}</span> <code>{formatName(format)}</code></summary>
              <Json value={schemaOf(format) ?? format} label={t('Format')} />
            </details>
          )}
        </div>
      )}
    </div>
  );
}

const isStructured = (format) => format != null && formatName(format) !== 'text';
const formatName = (format) => (typeof format === 'string' ? format : format.name ?? format.json_schema?.name ?? format.type ?? 'json');

export function Bubble({ message, parts = [] }) {
  const { role, text, json, tool_calls: calls = [], tool_call_id: answers } = message;
  return (
    <article class={`bubble bubble-${['user', 'assistant', 'tool'].includes(role) ? role : 'system'}`}>
      <header>{role}{answers && <code>{answers}</code>}</header>
      {text && <p class="said">{text}</p>}
      {parts.map((part, index) => <Part key={index} part={part} />)}
      {json !== undefined && <Json value={json} />}
      {calls.map((call, index) => <ToolCall key={index} call={call} />)}
    </article>
  );
}

/** A part of a message that is no text. */
function Part({ part: { kind, source, text } }) {
  if (kind === 'image' && source) return <img class="part" src={source} alt={t('Picture of the message')} />;
  if (kind === 'audio' && source) return <audio class="part" controls src={source} aria-label={t('Sound of the message')} />;
  return <p class="part"><span class="chip">{kind === 'image' ? t('Picture') : t('Part')}</span> <code>{text.slice(0, 300)}</code></p>;
}

function ToolCall({ call }) {
  const { name, arguments: text, input } = call.function ?? call.custom ?? call;
  const value = parsed(text ?? input, text ?? input);
  return (
    <div class="tool-call">
      <div><code>{name}</code>{call.id && <span class="muted mono">{call.id}</span>}</div>
      {value !== undefined && <Json value={value} label={name} />}
    </div>
  );
}

