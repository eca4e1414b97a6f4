// Sessions that are asked step by step by many at once, and what must be true of them whatever happened meanwhile.
import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { ask, quantile } from '../../bench/measure.mjs';

/** Most tries of one request, some pause apart: longer than any fault lasts. */
const TRIES = 300;
/** Steps of one session that are asked for at the same time. */
const TOGETHER = 4;

/** Does the work on all of a list, so many at a time. */
async function each(list, at_a_time, work) {
  let next = 0;
  const worker = async () => {
    while (next < list.length) await work(list[next++]);
  };
  await Promise.all(Array.from({ length: at_a_time }, worker));
}

export class Load {
  /**
   * @param {string} url  of the proxy
   * @param {number} sessions
   * @param {number} steps  of each session
   */
  constructor(url, sessions, steps) {
    this.url = url;
    this.steps = steps;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
    this.sessions = Array.from({ length: sessions }, (_, number) => ({ key: `sk-replicas-${number}`, answers: [], uncertain: new Map() }));
    /** By status or error: how often there was no answer yet. */
    this.refused = new Map();
    this.answered = 0;
    this.times = [];
    this.longest = 0;
  }

  request(session, path, body) {
    const headers = { authorization: `Bearer ${session.key}`, ...(body && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }) };
    return ask(`${this.url}${path}`, { agent: this.agent, method: body ? 'POST' : 'GET', headers, body });
  }

  /** Asks until there is an answer, as a client's library does: again after what says so. */
  async insist(session, path, body, asked = path) {
    for (let tries = 1; ; tries++) {
      let why;
      let pause = 100;
      try {
        const answer = await this.request(session, path, body);
        this.longest = Math.max(this.longest, answer.ms);
        if (answer.status < 500) return answer;
        const { code, message } = JSON.parse(answer.text).error;
        why = `${answer.status} ${code}`;
        if (code !== 'proxy') {
          if (!(answer.headers['retry-after-ms'] > 0 && answer.headers['retry-after'] > 0 && message)) throw new Error(`not how a refusal looks: ${why}, ${JSON.stringify(answer.headers)}`);
          pause = Math.min(500, Number(answer.headers['retry-after-ms']));
        }
      } catch (error) {
        if (!error.code) throw error;
        why = error.code;
      }
      // Whether its step was taken nobody said.
      session.uncertain.set(asked, (session.uncertain.get(asked) ?? 0) + 1);
      this.refused.set(why, (this.refused.get(why) ?? 0) + 1);
      if (tries === TRIES) throw new Error(`${path} of ${session.key}: ${why}, and so ${tries} times`);
      await wait(pause);
    }
  }

  /** Each session gets its script: a reply for every step, and an echo when they are used up. */
  script() {
    const body = JSON.stringify({ reset: true, defaults: { fallback: 'echo' }, responses: Array.from({ length: this.steps }, (_, step) => `step ${step}.`) });
    return each(this.sessions, 32, async (session) => {
      const { status, text } = await this.insist(session, '/_emulator/script', body);
      if (status !== 200) throw new Error(`a script was answered ${status}: ${text}`);
    });
  }

  /** Every session is asked for all its steps, some at the same time, by so many clients; `told` hears how many answers there are. */
  run(clients, told) {
    const all = [];
    for (let step = 0; step < this.steps; step += TOGETHER) {
      for (const session of this.sessions) for (let i = step; i < Math.min(this.steps, step + TOGETHER); i++) all.push({ session, asked: `question ${i}` });
    }
    return each(all, clients, async ({ session, asked }) => {
      const body = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: asked }] });
      const { status, text, headers, ms } = await this.insist(session, '/v1/chat/completions', body, asked);
      if (status !== 200) throw new Error(`${asked} of ${session.key} was answered ${status}: ${text}`);
      session.answers.push({ asked, said: JSON.parse(text).choices[0].message.content, id: headers['x-request-id'] });
      this.times.push(ms);
      told(++this.answered);
    });
  }

  /** Compares what clients got with what the journals have. What is wrong is told, session by session. */
  async check() {
    const wrong = [];
    let lost = 0;
    await each(this.sessions, 16, async (session) => {
      const say = (what) => wrong.push(`${session.key}: ${what}`);
      const page = JSON.parse((await this.insist(session, '/_emulator/requests?limit=1000')).text);
      const journal = new Map(page.data.map((exchange) => [exchange.request_id, exchange]));
      if (page.forgotten || page.has_more || journal.size !== page.data.length) say(`the journal has ${page.data.length} exchanges, ${page.forgotten} forgotten`);
      page.data.forEach(({ number }, index) => number === index || say(`exchange ${index} has number ${number}`));

      // What was acknowledged: no step to two, and each in the journal as it was answered.
      const steps = session.answers.filter(({ said }) => said.startsWith('step '));
      if (new Set(steps.map(({ said }) => said)).size !== steps.length) say('a step was answered to two requests');
      for (const { asked, said, id } of session.answers) {
        const kept = journal.get(id);
        if (!kept) say(`${asked}, answered "${said}", is not in the journal`);
        else if (kept.body.messages[0].content !== asked || kept.said !== JSON.stringify(said)) say(`${asked}, answered "${said}", is in the journal as ${kept.said}`);
      }
      // Every step was taken, by one exchange each: of a request that was answered at once, and of each one that was
      // not and came again.
      const taken = page.data.filter(({ rule }) => rule);
      if (new Set(taken.map(({ rule }) => rule)).size !== taken.length) say('a step was taken by two exchanges');
      for (const { asked, said } of session.answers) {
        const exchanges = page.data.filter(({ body }) => body.messages?.[0].content === asked);
        const may = 1 + (session.uncertain.get(asked) ?? 0);
        if (exchanges.length > may) say(`${asked}, sent ${may} times and answered "${said}", stands ${exchanges.length} times in the journal: ${JSON.stringify(exchanges.map(({ number, rule, status, outcome, aborted, explanation, at, request_id }) => ({ number, rule, status, outcome, aborted, explanation, at, request_id })))}`);
      }
      const uncertain = session.answers.reduce((sum, { asked }) => sum + (session.uncertain.get(asked) ?? 0), 0);
      const unkept = this.steps - taken.length;
      if (unkept > uncertain) say(`${unkept} steps stand in no journal, with ${uncertain} requests that heard nothing`);
      lost += this.steps - steps.length;
    });
    return { wrong, lost };
  }

  summary() {
    const [p50, p99] = [0.5, 0.99].map((part) => quantile(this.times, part).toFixed(1));
    const refused = [...this.refused].map(([why, times]) => `${times} × ${why}`).join(', ');
    return `${this.answered} answers, p50 ${p50} ms, p99 ${p99} ms, longest ${this.longest.toFixed(0)} ms; asked again: ${refused || 'none'}`;
  }
}
