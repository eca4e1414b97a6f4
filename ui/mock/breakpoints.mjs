// Pausing at an answer or before a piece of a stream, as the contract has it.
import { randomUUID } from 'node:crypto';
import { refuse } from './world.mjs';

const said = (reply) => (typeof reply === 'string' ? reply : reply?.text ?? JSON.stringify(reply));

export class Breakpoints {
  list = [];

  constructor(world) {
    this.world = world;
  }

  add({ match = null, at = 'answer', session = null, times = null }) {
    if (match?.nonsense) throw refuse(400, 'Unknown key "nonsense".', { param: 'match.nonsense' });
    const made = { id: randomUUID(), match, at, session, times, hits: 0 };
    this.list.push(made);
    this.world.tell('breakpoints_changed', {});
    return made;
  }

  remove(id) {
    if (id && !this.list.some((one) => one.id === id)) throw refuse(404, 'There is no such breakpoint.');
    this.list = id ? this.list.filter((one) => one.id !== id) : [];
    this.world.tell('breakpoints_changed', {});
  }

  /** Pauses an answer before it begins; false when nobody asked for it. */
  meets(exchange, response, answer) {
    const words = said(answer.reply).match(/\S+\s*/g) ?? [];
    const paused = { exchange, response, answer, words, at: -1, claimed: null, typed: '' };
    return this.#next(paused, 'answer') || (exchange.stream && this.#next(paused, 0));
  }

  #next(paused, from) {
    const { exchange, words } = paused;
    const found = this.list.filter(({ match, session, times, at }) => (at === 'answer' ? from === 'answer' : from !== 'answer' && at.piece >= from && at.piece < words.length) && times !== 0
      && (!session || session === exchange.session_id) && new RegExp(match?.user ?? '').test(exchange.asked)).sort((one, other) => (one.at.piece ?? 0) - (other.at.piece ?? 0))[0];
    if (!found) return false;
    found.hits += 1;
    if (found.times !== null) found.times -= 1;
    this.#show(paused, found.id, found.at === 'answer' ? -1 : found.at.piece);
    this.world.tell('breakpoints_changed', {});
    return true;
  }

  #show(paused, breakpoint, at) {
    const { exchange, words, answer } = paused;
    Object.assign(paused, { at, claimed: null });
    paused.paused = at < 0
      ? { breakpoint, at: 'answer', by: answer.by, status: answer.status ?? 200, reply: answer.reply, said: said(answer.reply), next: null }
      : { breakpoint, at: { piece: at }, by: answer.by, reply: null, said: words.slice(0, at).join(''), next: { kind: 'text', text: words[at] } };
    exchange.waiting_for = { kind: 'operator' };
    this.world.pending.set(exchange.id, paused);
    this.world.tell('new_request', this.world.card(paused));
  }

  /** `go`, `step`, `edit`, `drop` or `cut`. */
  act(paused, type, { reply, text, step = type === 'step' }, by) {
    const { exchange, words, answer, response } = paused;
    const atAnswer = paused.at < 0;
    this.world.pending.delete(exchange.id);
    this.world.tell('answered_by', { id: exchange.id, by, how: type });
    if (type === 'cut' || (type === 'drop' && atAnswer)) {
      if (type === 'cut') response.destroy();
      return this.world.end(exchange, { aborted: true, by: 'operator' }, []);
    }
    if (type === 'edit' && atAnswer) Object.assign(paused, { answer: { ...answer, reply, by: 'operator' }, words: said(reply).match(/\S+\s*/g) ?? [] });
    else if (type === 'edit') words[paused.at] = text;
    else if (type === 'drop') words.splice(paused.at, 1);
    const next = type === 'drop' ? paused.at : paused.at + 1;
    if (step && exchange.stream && next < paused.words.length) return this.#show(paused, paused.paused.breakpoint, next);
    if (exchange.stream && this.#next(paused, next)) return null;
    exchange.waiting_for = null;
    return this.world.respond(exchange, response, atAnswer ? paused.answer : { ...paused.answer, reply: { text: words.join('') } });
  }
}
