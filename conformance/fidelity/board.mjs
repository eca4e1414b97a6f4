// Adds up what the replays found.
import { sum } from './compare.mjs';

/** What issue 3.1 asks of the recordings, by class. */
const TARGETS = {
  structure: 0.99, 'event sequence': 0.99, 'key order': 0.98, headers: 0.97, errors: 0.95,
  'prompt tokens, text': 0.97, 'prompt tokens, tools': 0.8, 'completion tokens': 0.92,
};

/** Rounded down, so that a floor is never above the score it came from. */
const rounded = ([same, all]) => Math.floor((same / all) * 10_000) / 10_000;

/** Scores per endpoint and class, and differences grouped by what they say. */
export class Board {
  #scores = new Map();
  #notes = new Map();

  /** Takes in one replay. */
  add(recording, { scores, notes }) {
    for (const [kind, pair] of scores) {
      // A rule has a line of its own.
      for (const name of kind.includes('rule · ') ? [kind] : [`all · ${kind}`, `${recording.endpoint} · ${kind}`]) {
        this.#scores.set(name, sum([this.#scores.get(name) ?? [0, 0], pair]));
      }
    }
    for (const [kind, text] of notes) {
      const name = `${recording.endpoint} · ${kind} · ${text}`;
      if (!this.#notes.has(name)) this.#notes.set(name, { kind, endpoint: recording.endpoint, text, ids: new Set() });
      this.#notes.get(name).ids.add(recording.id);
    }
  }

  /** `{ "endpoint · class": score }`, classes that had something to compare. */
  scores() {
    const names = [...this.#scores.keys()].filter((name) => this.#scores.get(name)[1] > 0).sort();
    return Object.fromEntries(names.map((name) => [name, rounded(this.#scores.get(name))]));
  }

  /** The scores as text, beside them what they were (`before`: as {@link scores}) and the targets. */
  table(before) {
    return Object.entries(this.scores())
      .map(([name, score]) => {
        const target = name.startsWith('all · ') ? TARGETS[name.slice(6)] : undefined;
        const [same, all] = this.#scores.get(name);
        const verdict = target === undefined ? '' : `  target ${target} ${score >= target ? 'reached' : 'MISSED'}`;
        const was = (before[name] ?? score) === score ? '' : `  was ${before[name].toFixed(4)}`;
        return `${name.padEnd(58)} ${score.toFixed(4)}  ${`${same}/${all}`.padStart(13)}${was}${verdict}`;
      })
      .join('\n');
  }

  /** The most frequent differences of each class, with the recordings that show them. */
  differences(most) {
    const lines = [];
    for (const kind of new Set([...this.#notes.values()].map((note) => note.kind))) {
      const notes = [...this.#notes.values()].filter((note) => note.kind === kind).sort((a, b) => b.ids.size - a.ids.size);
      lines.push(`\n== ${kind}: ${notes.length} kinds of difference`);
      for (const { endpoint, text, ids } of notes.slice(0, most)) {
        lines.push(`${String(ids.size).padStart(5)} × ${endpoint.replace(/^\w+ /, '')}: ${text}  [${[...ids].slice(0, 3).join(' ')}]`);
      }
    }
    return `${lines.join('\n')}\n`;
  }
}
