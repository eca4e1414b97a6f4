// Bodies to begin with: the older tool's two, and those that were kept in this browser.
import { t } from './i18n.js';
import { kept } from './kept.js';
import { toast } from './toasts.js';

const body = (content) => ({
  id: 'chatcmpl-1', object: 'chat.completion', created: 1700000000, model: 'gpt-4o',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
});

const fenced = (value) => `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;

export const TEMPLATES = [
  { name: 'Description of a tag', body: body(fenced({ tag: 'example', description: 'What the tag stands for.' })) },
  { name: 'Classification', body: body(fenced({ category: 'example', confidence: 0.9, reason: 'Why it belongs there.' })) },
];

/** For the list of what is said: the names above. */
export const templateNames = () => [t('Description of a tag'), t('Classification')];

export const ownTemplates = kept('templates', []);

/** Forgets one that was kept. */
export function forgetTemplate(name) {
  ownTemplates.value = ownTemplates.value.filter((one) => one.name !== name);
}

/** The most that are kept. */
const MOST = 30;

/** Keeps a body under the beginning of its text. */
export function keepTemplate(text) {
  try {
    const value = JSON.parse(text);
    const said = value.choices?.[0]?.message?.content ?? JSON.stringify(value);
    const name = String(said).replace(/\s+/g, ' ').slice(0, 40) || '{}';
    ownTemplates.value = [...ownTemplates.value.filter((one) => one.name !== name), { name, body: value }].slice(-MOST);
    toast(t('Kept in this browser'));
  } catch (error) {
    toast(t('This is no JSON: {0}', error.message), { error: true });
  }
}
