/// <reference lib="esnext.disposable" />
// LLEmulator: the OpenAI API on your own machine, for tests.
//
// This file is written by hand and is the contract. What a request or an answer holds is typed by the package `openai`
// where it is installed; without it those types are `any`.

// @ts-ignore openai is an optional peer
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions';
// @ts-ignore openai is an optional peer
import type { CompletionCreateParams } from 'openai/resources/completions';
// @ts-ignore openai is an optional peer
import type { EmbeddingCreateParams } from 'openai/resources/embeddings';
// @ts-ignore openai is an optional peer
import type { ModerationCreateParams } from 'openai/resources/moderations';
// @ts-ignore openai is an optional peer
import type { ResponseCreateParams } from 'openai/resources/responses/responses';
import type { Match, Pace, RemoteStep, Reply, ReplyFunction, Script, Step, ToolStrategy } from './types/replies.js';

// The replies: what is said, the helpers, the rules.
export * from './types/replies.js';
// A real small model as a reply.
export * from './types/local.js';

// ---------------------------------------------------------------------------------------------- starting an emulator

/**
 * Starts an emulator in this process. It listens when the promise resolves, and never keeps the process alive.
 *
 * ```ts
 * const emulator = await startEmulator();
 * const api = emulator.session();
 * api.replies('Paris.');
 * const openai = new OpenAI(api);
 * ```
 */
export function startEmulator(options?: EmulatorOptions): Promise<Emulator>;

/**
 * Drives an emulator in another process: the same names, each a promise. Functions as replies are not possible there.
 *
 * @param url  its origin, with nothing after it; else the environment variable `LLEMULATOR_URL`, which the global set-ups set
 */
export function connectEmulator(url?: string, options?: { controlToken?: string }): Promise<RemoteEmulator>;

/** Settings of an emulator. Each is also a flag and an environment variable of `npx llemulator`; see `--help`. */
export interface EmulatorOptions {
  /** Port to listen on; 0, the default, takes any free one. */
  port?: number;
  /** Address to bind. Default `127.0.0.1`. */
  host?: string;
  /** A set of defaults, each still settable. Default `strict`. */
  profile?: 'strict' | 'relaxed' | 'llemulator';
  /**
   * What answers in sessions without a script. Default `error`: 400 `no_matching_rule` (500 unless `strict`). A session has
   * one from its first `replies()`, `otherwise()` or `script()` on until its `reset()`, also an empty one, or while there is
   * one for all sessions (`emulator.script()`). What it leaves unanswered `otherwise()` answers (in a script
   * `defaults.fallback`), else a cassette of its own, else it is an error, whatever stands here.
   */
  fallback?: 'error' | 'echo' | 'generate' | 'upstream' | 'manual' | 'replay';
  /** What a scripted reply that the request forbids leads to. Default `fail`: 500 `script_mismatch` with the diff. */
  checkReplies?: 'fail' | 'warn' | 'off';
  /** Who is let in: with any key (`required`, default), without one too (`optional`, the default of `relaxed`), or a list of accepted keys. */
  auth?: 'optional' | 'required' | readonly string[];
  /** How strictly requests are checked. Default `full`: what OpenAI rejects is rejected, in OpenAI's words. */
  validation?: 'full' | 'schema' | 'off';
  /** `any` accepts every model name, as `relaxed` does but for those that begin with `invalid`; a list adds names to the catalogue. */
  models?: 'any' | readonly string[];
  /** What ids bring that nothing is stored under: OpenAI's 404 (`not_found`, default), or, for a well-formed id, an object of the answer's type. */
  unknownIds?: 'not_found' | 'synthesize';
  /** Which requests are answered as Azure answers: those below `/openai/` (`paths`, default), all, or none. */
  azure?: 'paths' | 'always' | 'never';
  /** Whose additions chat completions have: `vllm` shows the reasoning itself, and the usage so far in every chunk. Default `openai`. */
  dialect?: 'openai' | 'vllm';
  /** How time passes in sessions that do not say. Default `real`. */
  clock?: ClockMode;
  /** Seed of everything drawn, in sessions that do not say. Default 0. */
  seed?: number;
  /** How tokens are counted: OpenAI's vocabularies (default), or a quarter of the characters. */
  usage?: 'exact' | 'estimate';
  /** How embeddings are computed. Default `semantic`: unit length, texts that share words are closer. */
  embeddings?: 'semantic' | 'mokku';
  /** Values of generated structured output. Default `plausible`. */
  generateStyle?: 'plausible' | 'plain';
  /** How generated tool calls choose among the tools. Default `contextual`. */
  generateTools?: ToolStrategy;
  /** Least milliseconds between streamed pieces. */
  streamDelayMinMs?: number;
  /** Most milliseconds between streamed pieces; drawn evenly between the two. */
  streamDelayMaxMs?: number;
  /** Tokens per second of every answer. */
  streamTokensPerSecond?: number;
  /** Length of generated text when the request does not say. */
  streamDefaultResponseLength?: 'short' | 'medium' | 'long';
  /** Largest request body in bytes, unzipped. Default 52,428,800; for files that are kept 537,919,488. */
  maxBodyBytes?: number;
  /** Milliseconds a request body may stall before it is given up (408). Default 30,000. */
  bodyTimeoutMs?: number;
  /** Milliseconds after which a session that nobody uses is forgotten; 0 = never, the default. */
  sessionIdleMs?: number;
  /** Most sessions at a time; the one idle for longest makes room. Default 10,000. */
  maxSessions?: number;
  /** Most bytes a session keeps: a third each for its journal, what it stores, and its script. Default 805,306,368. */
  maxSessionBytes?: number;
  /** Most bytes all sessions of the process keep; those idle for longest make room. Default 2,147,483,648. */
  maxMemoryBytes?: number;
  /** Most bytes of files that all sessions keep on the disk; what finds no room is refused. Default 8,589,934,592. */
  maxDiskBytes?: number;
  /** Directory that keeps queues, scripts, and what sessions store across restarts; one that is not there is made. */
  dataDir?: string;
  /**
   * Redis or Valkey that keeps what sessions own, so that several replicas answer as one:
   * `redis://[USER:PASSWORD@]HOST:PORT/DB`, or `rediss://` with TLS. A single primary; not with `dataDir`.
   */
  store?: string;
  /** Where the other replicas reach this one: `http://10.0.0.7:8080`. Default the address that is bound. */
  advertise?: string;
  /** Milliseconds after its last change that the store forgets a session. Default 21,600,000. */
  storeTtlMs?: number;
  /**
   * Milliseconds after which the sessions of a replica that is gone move to others; a request waits half of it for the
   * store at most. Default 5,000.
   */
  storeLeaseMs?: number;
  /** What an acknowledged change of the data directory survives: the end of the process, or a power loss too. Default `process`. */
  durability?: 'process' | 'power';
  /** Most requests a session's journal keeps; the oldest go first. Default 10,000. */
  journalSize?: number;
  /** Most objects of a kind that a session stores: responses give way, of others the next is refused. Default 10,000. */
  maxObjects?: number;
  /** Milliseconds a function may take to reply, a generator for each piece. Default 30,000. */
  callbackTimeoutMs?: number;
  /** Most functions running at a time. Default 1,000. */
  maxCallbacks?: number;
  /** Milliseconds open streams may go on after `stop()`. Default 0. */
  graceMs?: number;
  /** What is logged to stdout. Default `error`: nothing. */
  logLevel?: 'info' | 'warn' | 'error';
  /** How a logged line looks: for people, or a JSON object a line. Default `pretty`. */
  logFormat?: 'pretty' | 'json';
  /** Names that `GET /metrics` counts under; `vllm`: vLLM's beside ours. Default `llemulator`. */
  metrics?: 'llemulator' | 'vllm';
  /** What spans of OpenTelemetry are called, in builds that speak it (not this package). Default `genai`. */
  telemetry?: 'genai' | 'mokku';
  /** Serve `GET /_emulator/state` over HTTP too. */
  debug?: boolean;
  /**
   * Pages of which origins may read the API's answers and open its socket. Default `loopback`: those served from this
   * machine (`http://localhost:3000`, `http://127.0.0.1:5173`), and those of `allowedHosts`. Control routes stay closed
   * to foreign pages with `any` too.
   */
  cors?: 'loopback' | 'any';
  /**
   * Hosts that may reach the control routes beside localhost, IP addresses and names without a dot, and whose pages may
   * use the emulator: `app.test`, `app.test:3000`, or a whole origin.
   */
  allowedHosts?: readonly string[];
  /** Token for the emulator-wide control routes when bound beyond loopback. */
  controlToken?: string;
  /**
   * The API that answers as `fallback: 'upstream'`, by rules (`{ upstream: true }`), or for everything while the bypass
   * is on: `https://api.openai.com/v1`, `http://localhost:11434/v1`. The only host that is called.
   */
  upstream?: string;
  /**
   * Models that other servers answer, as `NAME=URL`: `smollm=http://127.0.0.1:8081/v1`. They get what no rule answers of
   * requests for these models, with the caller's key.
   */
  upstreamModel?: string | readonly string[];
  /** Key for the upstream, instead of the callers'. Never kept or shown. */
  upstreamKey?: string;
  /** PEM file of authorities that the upstream's certificate may come from, beside the system's. */
  upstreamCa?: string;
  /** Milliseconds the upstream may take to begin its answer, and between two pieces of it. Default 300,000. */
  upstreamTimeoutMs?: number;
  /**
   * Folder to record in what the upstream answers. With `upstream`, requests are answered by recordings first and by the
   * upstream where there is none; `on-miss` or `all` instead of a folder: that mode, into the first of `cassettes`, else `cassettes`.
   */
  record?: string;
  /** What is recorded: what no recording answers (default), or everything that goes upstream, anew. */
  recordMode?: 'on-miss' | 'all';
  /** Files and folders of recordings. They answer as `fallback: 'replay'`, which is the default with them: in sessions without a script. */
  cassettes?: string | readonly string[];
  /** How fast recordings play: 1 as they came, 2 in half the time, 0, the default, at once. */
  replaySpeed?: number;
  /** What does not count when a request looks for its recording, beside ids and times: paths in the body (`messages[*].name`), /patterns/ in texts. */
  replayIgnore?: string | readonly string[];
  /** What is taken out of recordings beside keys, tokens and cookies: patterns, `email`, `entropy`. */
  redact?: string | readonly string[];
  /** Nothing is recorded, and what has no recording is refused. Default: whether the variable `CI` is set. */
  ci?: boolean;
  /** Milliseconds a request waits for a person (`fallback: 'manual'`, `{ manual: true }`). Default 300,000. */
  manualTimeoutMs?: number;
  /** Take a client's address from `X-Forwarded-For`: only behind a proxy that sets it. */
  trustForwarded?: boolean;
  /** More path prefixes served like `/v1`. */
  prefix?: string | readonly string[];
}

/** How a session's time passes: as in the world; every wait over at once; or by `clock.advance()` alone. */
export type ClockMode = 'real' | 'instant' | 'manual';

/** How a session's cassette is recorded. */
export interface CassetteOptions {
  /** Else it only plays. */
  record?: 'on-miss' | 'all';
  /** The API that is recorded; else the emulator's option. */
  upstream?: string;
  /** Its key; else the callers'. Never kept. */
  upstreamKey?: string;
}

/** Settings of one session; what is left out is the emulator's. */
export interface SessionOptions {
  clock?: ClockMode;
  seed?: number;
}

/** An emulator in this process. Stopped by `stop()` or with the process; a handle that is forgotten stops nothing. */
export interface Emulator extends AsyncDisposable {
  /** Its origin, `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** `url` and `/v1`: what clients call the base URL. */
  readonly baseURL: string;
  readonly port: number;
  /**
   * A session: its own API key, script, journal and stored objects. Without a name it is a new one; the same name gives
   * the same session again: its clock and seed are those of its first making, and other ones throw.
   */
  session(name?: string, options?: SessionOptions): Session;
  session(options: SessionOptions): Session;
  /** Loads a script for every session that has none of its own. Adds to what is there unless it says `reset`. */
  script(script: Script): void;
  /** Forgets every session: scripts, requests, stored objects. The script for all of them stays. */
  reset(): void;

  /**
   * Answers that wait for whoever asks next: from an address (`'127.0.0.1'`), or in a session (`'session:checkout'`), whose
   * queue comes first. They come before any script and answer text operations alone.
   */
  queue(address: string): Queue;
  /** The requests that wait for a person, oldest first: by `fallback: 'manual'`, a step `{ manual: true }`, or a breakpoint. */
  readonly pending: readonly PendingRequest[];
  /**
   * Answers a request that waits. With `keep` the reply also becomes a rule of its session, for requests like this one.
   *
   * ```ts
   * emulator.on('pending', (request) => emulator.answer(request, `You said ${request.asked}`));
   * ```
   */
  answer(request: string | { readonly id: string }, reply: Reply, options?: KeepOptions): void;
  /** Answers with text that streams as it comes: each piece leaves when it is there. Resolves when all of it is; pieces that fail end the request, and its client gets no whole answer. */
  answer(request: string | { readonly id: string }, pieces: Iterable<string> | AsyncIterable<string>): Promise<void>;
  /** Does something else with a request that waits: claims it, lets another answer, goes on from a breakpoint, cuts its connection. */
  act<Name extends keyof PendingActions>(request: string | { readonly id: string }, action: Name, fields?: PendingActions[Name]): void;
  /** Tells of what happens from now on; of `pending`, also of what waits already. Keeps no process alive. */
  on<Name extends keyof EmulatorEvents>(event: Name, listener: (data: EmulatorEvents[Name]) => unknown): this;
  /** Tells a listener no more. */
  off<Name extends keyof EmulatorEvents>(event: Name, listener: (data: EmulatorEvents[Name]) => unknown): this;

  /** Stops listening and ends open connections. Can be called any number of times. */
  stop(): Promise<void>;
}

// ------------------------------------------------------------------------------------- queues, and people who answer

/** Answers that wait for an address or a session. */
export interface Queue {
  /** Adds answers at the end, all or none; gives their ids. */
  add(...items: [QueueItem, ...QueueItem[]]): string[];
  /** What waits, the next one first. */
  readonly items: readonly QueuedItem[];
  /** Changes an item, or moves it to another `position` (from 0). */
  change(id: string, changes: Partial<QueuedBody & QueuedReply> & { position?: number }): void;
  /** Drops an item. */
  remove(id: string): void;
  /** Drops all items. */
  clear(): void;
}

/** An answer for a queue: a reply, or one with more, or a body that is sent as it is. */
export type QueueItem = Reply | QueuedReply | QueuedBody;

/** What every item may have. */
interface QueuedOptions {
  headers?: Readonly<Record<string, string>>;
  /** Milliseconds before the answer begins, on the session's clock. */
  delayMs?: number;
  pace?: Pace;
  /** How often it answers; Infinity = without end. Default 1. */
  times?: number;
}

/** A reply for a queue, with more. */
export interface QueuedReply extends QueuedOptions {
  reply: Reply;
}

/** A body that is sent as it is; one of chat asked for as a stream is streamed as the chunks it means. */
export interface QueuedBody extends QueuedOptions {
  response: object;
  /** Default 200. */
  status?: number;
  /** Adds the fields that it lacks: `id`, `created`, `usage` … */
  fill?: boolean;
}

/** An item that waits in a queue. */
export interface QueuedItem {
  id: string;
  /** Seconds since 1970. */
  createdAt: number;
  reply?: Reply;
  response?: any;
  statusCode?: number;
  headers?: Record<string, string>;
  delayMs?: number;
  /** Uses left. */
  times?: number | 'unlimited';
  fill?: boolean;
}

/** A request that waits for a person. */
export interface PendingRequest {
  id: string;
  /** The session's name. */
  session: string;
  sessionId: string;
  operation: Operation;
  model: string | null;
  /** Whether a stream was asked. */
  stream: boolean;
  method: string;
  path: string;
  /** Names in lower case, keys redacted. */
  headers: Record<string, string>;
  body: any;
  /** The last text of the user. */
  asked: string;
  /** The messages, whatever the dialect; null where there are none. */
  conversation: any;
  /** The client's address. */
  ip: string;
  port: number | null;
  /** When it came, in milliseconds since 1970. */
  arrived: number;
  /** How long it may wait, and what is left of that, on the session's clock. */
  timeoutMs: number;
  leftMs: number;
  /** Who holds it. */
  claimed: { by: string; until: number } | null;
  /** What was typed so far. */
  typed: string;
  /** The smallest answer that the request allows. */
  smallest: any;
  /** An answer is there and has stopped at a breakpoint: see `docs/control-plane.md`. */
  paused: any;
}

/** Whether an answer also becomes a rule: for requests like `keep`, so many `times` (Infinity = without end; default 1). */
export interface KeepOptions {
  keep?: Match;
  times?: number;
}

/** What may be done with a request that waits, and what goes with it. */
export interface PendingActions {
  /** Holds it for 90 seconds: others are refused, unless they say `force`. */
  claim: { by?: string; force?: boolean };
  release: { force?: boolean };
  /** More text, which leaves at once where a stream was asked. */
  type: { text: string };
  finish: { finish_reason?: 'stop' | 'length' | 'tool_calls' | 'content_filter' };
  /** Lets another answer: whom `to` names, else the session's fallback (what is made up, where that is a person). */
  fallback: { to?: 'echo' | 'generate' | 'error' };
  /** Lets the real API answer. */
  upstream: Record<never, never>;
  /** From a breakpoint: goes on as it is; lets this piece leave and stops at the next; goes on with this instead; without it. */
  go: Record<never, never>;
  step: Record<never, never>;
  edit: { reply?: Reply; text?: string; step?: boolean };
  drop: { step?: boolean };
  /** Resets the connection. */
  cut: Record<never, never>;
}

/** What an emulator tells of. */
export interface EmulatorEvents {
  /** A request waits for a person. */
  pending: PendingRequest;
  /** A person has decided: `answer`, `typed`, `fallback`, `cut` … */
  answered: { id: string; by: string; how: string };
  /** A request waits no more, and nobody answered it. */
  cancelled: { id: string; reason: 'client_left' | 'timed_out' | 'reset' | 'stopped' };
  claimed: { id: string; by: string; until: number };
  released: { id: string };
  /** More text of an answer. */
  typed: { id: string; by: string; text: string };
  /** A queue has changed. */
  queue: { ip: string };
}

// ------------------------------------------------------------------------------------------------------- a session

/** What a client needs to reach a session: spread into, or given to, `new OpenAI()`, `createOpenAI()` and the like. */
export interface ClientOptions {
  baseURL: string;
  apiKey: string;
  /** The same key: calls of the administration API need it. */
  adminAPIKey: string;
  /** Webhooks of this session are signed with it. */
  webhookSecret: string;
  /** So that clients work in jsdom. */
  dangerouslyAllowBrowser: true;
}

/** How long to wait for a request, in milliseconds, and whether it need only have come. */
export interface WaitOptions {
  timeoutMs?: number;
  arrived?: boolean;
}

/**
 * All that belongs to one API key. Sessions never see each other, so tests may run side by side. The client options are
 * its only own enumerable properties.
 */
export interface Session extends ClientOptions {
  /**
   * Adds what "the model" says. Each argument is used once, the first that matches the request first; functions too.
   *
   * ```ts
   * api.replies(toolCall('get_weather', { city: 'Oslo' }), 'It is 4 °C in Oslo.');
   * ```
   */
  replies(...replies: [Step, ...Step[]]): void;
  /** Loads a script as it is, in the language of `script.schema.json`. Adds to what is there unless it says `reset`. */
  script(script: Script): void;
  /** Says what answers when nothing else does, any number of times. */
  otherwise(reply: Reply | ReplyFunction): void;
  /**
   * What the script does not answer is answered by the recordings of this file, which need not be there yet. With `record`
   * what is missing (`on-miss`), or everything anew (`all`), goes to the upstream and is written into it, without secrets
   * and time stamps; where the variable `CI` is set nothing is.
   */
  cassette(file: string, options?: CassetteOptions): void;

  /**
   * The requests so far, oldest first, from the moment they come; complete before their client has the end of the answer.
   * `requests.filter((request) => request.state === 'in_flight')` are those still being answered.
   */
  readonly requests: readonly RecordedRequest[];
  /** The last of them. */
  readonly lastRequest: RecordedRequest | undefined;
  /** How many requests the journal no longer keeps (option `journalSize`). */
  readonly forgotten: number;
  /**
   * The first request that a function accepts and that is answered, or waits for something: a manual clock, a `hold`, a
   * function (`waitingFor`). Waits for it if it has not come yet. With `arrived: true` it need only have come. The function
   * may be async; what it throws, an `expect` that fails say, ends the wait.
   *
   * Rejects with `ERR_LLEMULATOR_TIMEOUT` and the transcript after `timeoutMs` milliseconds (default 4,000).
   */
  waitForRequest<T extends RecordedRequest>(wanted: (request: RecordedRequest) => request is T, options?: WaitOptions): Promise<T>;
  waitForRequest(wanted?: (request: RecordedRequest) => unknown, options?: WaitOptions): Promise<RecordedRequest>;
  /** What was asked and answered, as text. Holds no times, ids and addresses: fit for a snapshot. */
  transcript(): string;
  /**
   * Throws `ERR_LLEMULATOR_UNFINISHED` with the transcript if replies are unused, a request was not scripted or is not
   * answered yet, or the emulator complained: a failed `expect`, a reply that the request forbids, a reply function that
   * threw, also when its client had left, an operation that is not built. It does so whatever the application made of the
   * error; `cause` is the first one.
   */
  finish(): void;
  /** Forgets everything: script, requests, stored objects. */
  reset(): void;
  /** Ends every `hold` with this name. */
  release(name: string): void;

  /** The session's time. */
  readonly clock: SessionClock;
  /**
   * Environment variables for child processes: `OPENAI_BASE_URL`, `OPENAI_API_KEY` and the like, and `NO_PROXY`, as it is
   * and with the emulator's host, so that no proxy stands between.
   */
  readonly env: Record<'OPENAI_BASE_URL' | 'OPENAI_API_KEY' | 'OPENAI_ADMIN_KEY' | 'OPENAI_WEBHOOK_SECRET' | 'NO_PROXY' | 'no_proxy', string>;
  /**
   * Options of `ws` for the Realtime client, which always dials wss:
   * `new OpenAIRealtimeWS({ model, options: api.realtime }, new OpenAI(api))`.
   */
  readonly realtime: RealtimeOptions;
}

/** A session's time, in milliseconds. */
export interface SessionClock {
  readonly mode: ClockMode;
  /** Since 1970. The `instant` and the `manual` clock start at 2026-01-01T00:00:00Z. */
  readonly now: number;
  /** What waits: milliseconds since the clock's start. */
  readonly pending: readonly number[];
  /** Moves a `manual` or `instant` clock, up to the year 9999. */
  advance(milliseconds: number): void;
}

/** Options of the package `ws` that lead a Realtime client here. */
export interface RealtimeOptions {
  createConnection: () => any;
}

/** Bodies by operation, typed by the package `openai`. */
export interface RequestBodies {
  'chat.completions.create': ChatCompletionCreateParams;
  'completions.create': CompletionCreateParams;
  'embeddings.create': EmbeddingCreateParams;
  'moderations.create': ModerationCreateParams;
  'responses.create': ResponseCreateParams;
}

/** The operations, as the SDK names them; `unknown` is none of them. */
export type Operation =
  | keyof RequestBodies
  | 'audio.speech.create' | 'audio.transcriptions.create' | 'audio.translations.create'
  | 'beta.assistants.create' | 'beta.assistants.delete' | 'beta.assistants.list' | 'beta.assistants.retrieve' | 'beta.assistants.update'
  | 'beta.threads.create' | 'beta.threads.create_and_run' | 'beta.threads.delete' | 'beta.threads.messages.create' | 'beta.threads.messages.delete' | 'beta.threads.messages.list' | 'beta.threads.messages.retrieve' | 'beta.threads.messages.update' | 'beta.threads.retrieve' | 'beta.threads.runs.cancel' | 'beta.threads.runs.create' | 'beta.threads.runs.list' | 'beta.threads.runs.retrieve' | 'beta.threads.runs.steps.list' | 'beta.threads.runs.steps.retrieve' | 'beta.threads.runs.submit_tool_outputs' | 'beta.threads.runs.update' | 'beta.threads.update'
  | 'batches.cancel' | 'batches.create' | 'batches.list' | 'batches.retrieve'
  | 'chat.completions.delete' | 'chat.completions.list' | 'chat.completions.messages.list' | 'chat.completions.retrieve' | 'chat.completions.update'
  | 'conversations.create' | 'conversations.delete' | 'conversations.items.create' | 'conversations.items.delete' | 'conversations.items.list' | 'conversations.items.retrieve' | 'conversations.retrieve' | 'conversations.update'
  | 'files.content' | 'files.create' | 'files.delete' | 'files.list' | 'files.retrieve'
  | 'images.create_variation' | 'images.edit' | 'images.generate'
  | 'models.delete' | 'models.list' | 'models.retrieve'
  | 'responses.cancel' | 'responses.compact' | 'responses.delete' | 'responses.input_items.list' | 'responses.input_tokens.count' | 'responses.retrieve'
  | 'uploads.cancel' | 'uploads.complete' | 'uploads.create' | 'uploads.parts.create'
  | 'admin.organization.usage.audio_speeches' | 'admin.organization.usage.audio_transcriptions' | 'admin.organization.usage.code_interpreter_sessions' | 'admin.organization.usage.completions' | 'admin.organization.usage.costs' | 'admin.organization.usage.decisions' | 'admin.organization.usage.embeddings' | 'admin.organization.usage.file_search_calls' | 'admin.organization.usage.images' | 'admin.organization.usage.moderations' | 'admin.organization.usage.vector_stores' | 'admin.organization.usage.web_search_calls'
  | 'containers.create' | 'containers.delete' | 'containers.files.content.retrieve' | 'containers.files.create' | 'containers.files.delete' | 'containers.files.list' | 'containers.files.retrieve' | 'containers.list' | 'containers.retrieve' | 'content_provenance_checks.create' | 'decisions.create'
  | 'evals.runs.cancel' | 'evals.runs.create' | 'evals.runs.delete' | 'evals.runs.list' | 'evals.runs.output_items.list' | 'evals.runs.output_items.retrieve' | 'evals.runs.retrieve'
  | 'fine_tuning.alpha.graders.run' | 'fine_tuning.alpha.graders.validate' | 'fine_tuning.jobs.cancel' | 'fine_tuning.jobs.checkpoints.list' | 'fine_tuning.jobs.create' | 'fine_tuning.jobs.list' | 'fine_tuning.jobs.list_events' | 'fine_tuning.jobs.pause' | 'fine_tuning.jobs.resume' | 'fine_tuning.jobs.retrieve'
  | 'vector_stores.create' | 'vector_stores.delete' | 'vector_stores.file_batches.cancel' | 'vector_stores.file_batches.create' | 'vector_stores.file_batches.list_files' | 'vector_stores.file_batches.retrieve' | 'vector_stores.files.content' | 'vector_stores.files.create' | 'vector_stores.files.delete' | 'vector_stores.files.list' | 'vector_stores.files.retrieve' | 'vector_stores.files.update' | 'vector_stores.list' | 'vector_stores.retrieve' | 'vector_stores.search' | 'vector_stores.update'
  | 'audio.voice_consents.create' | 'audio.voices.create'
  | 'beta.agents.sessions.artifacts.content' | 'live.create' | 'live.sessions.download_recording' | 'live.sessions.fork' | 'realtime.calls.create'
  | 'skills.content.retrieve' | 'skills.create' | 'skills.delete' | 'skills.list' | 'skills.retrieve' | 'skills.update' | 'skills.versions.content.retrieve' | 'skills.versions.create' | 'skills.versions.delete' | 'skills.versions.list' | 'skills.versions.retrieve'
  | 'videos.create' | 'videos.create_character' | 'videos.delete' | 'videos.download_content' | 'videos.edit' | 'videos.extend' | 'videos.get_character' | 'videos.list' | 'videos.remix' | 'videos.retrieve'
  | 'unknown';

/** The body of an operation; `any` where it is not known. */
export type RequestBody<Name extends string> = Name extends keyof RequestBodies ? RequestBodies[Name] : any;

/** What a tool gave; name and arguments are those of the model's call, as far as the conversation holds it. */
export interface ToolResult {
  name: string | null;
  /** As the model wrote them: JSON text, or a custom tool's input. */
  arguments: string | null;
  text: string;
}

/** A request and what became of it. Comparing `operation` narrows `body`. */
export type RecordedRequest<Name extends Operation = Operation> = Name extends Operation ? Recorded<Name> : never;

/** A request of one operation. */
export interface Recorded<Name extends Operation> {
  /** Counts all of the session's requests, from 0. */
  number: number;
  /** `in_flight`: still being answered. */
  state: 'in_flight' | 'done';
  /**
   * What a request in flight waits for: the session's clock (`until` in milliseconds since its start), a `hold` that
   * `release(name)` ends, a reply function, the upstream, a person; `client`: silent by a fault until the client leaves. Null = nothing.
   */
  waitingFor: { kind: 'clock'; until: number } | { kind: 'hold'; name: string } | { kind: 'function' } | { kind: 'upstream' } | { kind: 'operator' } | { kind: 'client' } | null;
  /** As the SDK names it: `chat.completions.create`, `responses.create`, `files.create` … */
  operation: Name;
  method: string;
  /** As sent, with query. */
  path: string;
  /** Names in lower case, keys redacted. */
  headers: Record<string, string>;
  body: RequestBody<Name>;
  /** Whether a stream was asked. */
  stream: boolean;
  /** Results of tools that it brought. */
  toolResults: readonly ToolResult[];
  /**
   * `scripted`: a reply of the script answered · `fallback`: `otherwise()` or the option did · `no_match`: nothing did ·
   * `rejected`: refused before it took a reply · `faulted`: chaos answered · `served`: an operation that takes no reply.
   */
  outcome: 'scripted' | 'fallback' | 'no_match' | 'rejected' | 'faulted' | 'served';
  /** Who answered: `script`, `function`, `queue`, `scenario`, `echo`, `generate`, `operator`, `chaos`, `upstream`, `bypass`, `cassette`, `fallback`; null = nobody of these. */
  by: string | null;
  /** Name or place of the rule that answered. */
  rule: string | null;
  /** HTTP status of the answer; null while nothing of it has left, and for good when it never did. */
  status: number | null;
  /** What "the model" said, in one line; the message of an error. */
  said: string;
  /** Why nothing matched, or why the answer failed. */
  explanation: string | null;
  /** What of the request was accepted although this build does not know it: fields of a client that is newer. */
  warnings: string[];
  /** The emulator's own complaint about this request, if it had one; `finish()` fails with it. */
  failure: { code: string; message: string } | null;
  /** The client left before the end. */
  aborted: boolean;
  /** When it came: milliseconds since 1970, on the session's clock. */
  at: number;
  /** The `x-request-id` of the answer. */
  requestId: string;
  /** How often the SDK had tried before. */
  retryCount: number;
}

// -------------------------------------------------------------------------------------- an emulator in another process

/** A value as a promise, a method as one that gives a promise. */
type Promised<T> = [T] extends [(...args: infer A) => infer R] ? (...args: A) => Promise<R> : Promise<T>;

/** An emulator in another process. */
export interface RemoteEmulator {
  readonly url: string;
  readonly baseURL: string;
  session(name?: string, options?: SessionOptions): Promise<RemoteSession>;
  session(options: SessionOptions): Promise<RemoteSession>;
  script(script: Script): Promise<void>;
  reset(): Promise<void>;
  queue(address: string): RemoteQueue;
  readonly pending: Promise<readonly PendingRequest[]>;
  answer(request: string | { readonly id: string }, reply: Reply, options?: KeepOptions): Promise<void>;
  answer(request: string | { readonly id: string }, pieces: Iterable<string> | AsyncIterable<string>): Promise<void>;
  act<Name extends keyof PendingActions>(request: string | { readonly id: string }, action: Name, fields?: PendingActions[Name]): Promise<void>;
}

/** A queue of an emulator in another process. */
export type RemoteQueue = { readonly [K in keyof Queue]: Promised<Queue[K]> };

/** A session of an emulator in another process: as {@link Session}, with a promise of everything. No functions. */
export interface RemoteSession extends ClientOptions {
  replies(...replies: [RemoteStep, ...RemoteStep[]]): Promise<void>;
  script(script: Script): Promise<void>;
  otherwise(reply: Reply): Promise<void>;
  readonly requests: Promise<readonly RecordedRequest[]>;
  readonly lastRequest: Promise<RecordedRequest | undefined>;
  readonly forgotten: Promise<number>;
  waitForRequest: Session['waitForRequest'];
  transcript(): Promise<string>;
  finish(): Promise<void>;
  reset(): Promise<void>;
  release(name: string): Promise<void>;
  readonly clock: { [K in keyof SessionClock]: Promised<SessionClock[K]> };
  readonly env: Session['env'];
  readonly realtime: RealtimeOptions;
}

// ------------------------------------------------------------------------------------------------------------ errors

/** What the package throws. */
export class LLEmulatorError extends Error {
  constructor(code: ErrorCode, message: string, more?: { cause?: unknown; param?: string | null });
  readonly code: ErrorCode;
  /** The place in a script, as a JSON path. */
  readonly param?: string;
}

/** Codes keep their meaning between versions; messages do not. */
export type ErrorCode =
  /** An argument is wrong; thrown at the caller's line. */
  | 'ERR_LLEMULATOR_ARGUMENT'
  /** A script was refused; `param` says where. Nothing of it was loaded. */
  | 'ERR_LLEMULATOR_SCRIPT'
  /** An option of `startEmulator` is wrong. */
  | 'ERR_LLEMULATOR_OPTIONS'
  /** The data directory is held by another process, newer, damaged, or cannot be written. */
  | 'ERR_LLEMULATOR_DATA_DIR'
  /** The port or address cannot be listened on. */
  | 'ERR_LLEMULATOR_LISTEN'
  /** What would change a session was called after `stop()`. */
  | 'ERR_LLEMULATOR_STOPPED'
  /** `finish()`: a reply was not used, or a request was not scripted. */
  | 'ERR_LLEMULATOR_UNFINISHED'
  /** `waitForRequest()`: the request did not come. */
  | 'ERR_LLEMULATOR_TIMEOUT'
  /** `connectEmulator()`: no emulator answers there. */
  | 'ERR_LLEMULATOR_CONNECT'
  /** The emulator refused a control request for another reason. */
  | 'ERR_LLEMULATOR_CONTROL'
  /** A helper of a test runner was loaded in a version of it that is too old. */
  | 'ERR_LLEMULATOR_RUNNER'
  /** The addon for this platform is missing or does not load. */
  | 'ERR_LLEMULATOR_NATIVE'
  /** A local model cannot be had: the package is missing, or its weights are. */
  | 'ERR_LLEMULATOR_LOCAL_MODEL';
