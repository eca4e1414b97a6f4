// What "the model" says: replies, the helpers that make them, and rules. index.d.ts gives all of it.

// @ts-ignore openai is an optional peer
import type { ResponseOutputItem } from 'openai/resources/responses/responses';
import type { Operation, RequestBody, Session, ToolResult } from '../index.js';
import type { ReplyObject, ScriptPart, ScriptToolCall } from './script.js';

export * from './script.js';

/** What "the model" says: a string, or what a helper below makes. */
export type Reply = string | ReplyObject;

/** A reply or rule, or a function that gives a reply: what {@link Session.replies} takes. */
export type Step = Reply | Rule | ReplyFunction;

/** The same for an emulator in another process: no functions. */
export type RemoteStep = Reply | Rule<Reply>;

/**
 * A reply that is computed. It may be async, and may be a generator: then each piece is streamed as it is yielded.
 * `undefined` passes: the rules below are tried. What it throws becomes a 500 with the message.
 *
 * ```ts
 * api.replies(async (request, { signal }) => `you said ${request.lastUserText}`);
 * api.replies(async function* () { yield 'one '; yield 'two'; });
 * ```
 */
export type ReplyFunction = (
  request: ReplyRequest,
  context: {
    /** Aborted when nobody waits any more: the client has left, or the time limit has struck. */
    signal: Signal;
  },
) => ReplyResult | ReplyStream | Promise<ReplyResult | ReplyStream>;

/**
 * Pieces of a reply, sent as they are yielded. A string is more text; a reply's parts come whole. What is returned is the
 * reply if nothing was yielded; after that it is an error.
 */
export type ReplyStream = AsyncGenerator<Reply | ReplyPiece, ReplyResult, unknown> | Generator<Reply | ReplyPiece, ReplyResult, unknown>;

/**
 * A piece of a reply that comes bit by bit. What grows is the last part of its choice: another kind of piece, or another
 * `toolCall.name`, begins a new part. Limits of the request cut it as they cut a ready reply, and end the generator.
 *
 * ```ts
 * api.replies(async function* () {
 *   yield { reasoningDelta: 'The weather is asked. ' };
 *   yield { toolCall: { name: 'get_weather', argumentsDelta: '{"city":' } };
 *   yield { toolCall: { argumentsDelta: '"Oslo"}' } };
 *   yield { usage: { prompt_tokens: 12 } };
 * });
 * ```
 */
export interface ReplyPiece {
  /** Which of the `n` answers it belongs to; default 0. Fewer than asked: the last repeats. */
  choice?: number;
  /** More of the reasoning's summary. */
  reasoningDelta?: string;
  /** More text of the message. */
  textDelta?: string;
  /** More text of a refusal. */
  refusalDelta?: string;
  /** A tool call that begins (with a name) or goes on. Begun without a delta, it is of the kind of the request's tool. */
  toolCall?: {
    name?: string;
    /** Beside the name; else minted. */
    id?: string;
    /** More of the arguments' JSON text. */
    argumentsDelta?: string;
    /** More of the input of a custom tool, instead; a call goes on as the kind it began as. */
    inputDelta?: string;
  };
  /** Parts that come whole, as if yielded alone. */
  reply?: Reply;
  /** Why this answer ends; nothing of it may follow. */
  finishReason?: 'stop' | 'length' | 'tool_calls' | 'content_filter';
  /** Token counts of the whole answer; what is missing is counted. */
  usage?: Usage;
  /**
   * The next bytes of a raw answer, sent as they are. The first piece decides: with `bytes` the answer is raw, and every
   * other piece has them too. Nothing else stands in their piece, but status and headers in the first.
   *
   * ```ts
   * api.replies(async function* () {
   *   yield { status: 200, headers: { 'content-type': 'text/event-stream' }, bytes: 'data: {"half":' };
   *   yield { bytes: new Uint8Array([32, 49, 125, 10, 10]) };
   * });
   * ```
   */
  bytes?: string | Uint8Array;
  /** HTTP status of a raw answer, in its first piece only; default 200. */
  status?: number;
  /** Headers of a raw answer, in its first piece only. */
  headers?: Record<string, string>;
}

/** What a function may give; nothing = pass. */
export type ReplyResult = Reply | undefined | void;

/** `AbortSignal`, where the environment's types know it. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } }
  ? S
  : { readonly aborted: boolean; readonly reason: unknown; addEventListener(type: 'abort', listener: () => void): void };

/**
 * A request as a function gets it. The conversation is whole: stored responses and conversations are resolved. Comparing
 * `operation` narrows `body`.
 */
export type ReplyRequest<Name extends Operation = Operation> = Name extends Operation ? RequestOf<Name> : never;

/** A request of one operation, as a function gets it. */
export interface RequestOf<Name extends Operation> {
  operation: Name;
  method: string;
  /** As sent, without query. */
  path: string;
  /** Names in lower case, without keys. */
  headers: Record<string, string>;
  body: RequestBody<Name>;
  /** The session's name. */
  session: string;
  model: string;
  messages: readonly ReplyMessage[];
  /** The last user message; without messages the prompt or input text. */
  lastUserText: string;
  /** The tools offered. */
  tools: readonly { name: string; parameters: any }[];
  /** Results of tools, since the model spoke last. */
  toolResults: readonly ToolResult[];
  stream: boolean;
  /** Number of the model's turns so far. */
  turn: number;
}

/** A message of the conversation, whatever the endpoint. */
export interface ReplyMessage {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  text: string;
  toolCalls?: readonly { id: string; name: string; arguments: string }[];
  toolCallId?: string;
}

/** When each piece of a reply leaves. Without it there are no waits, and a piece is a token. */
export interface Pace {
  /** How text is cut: by token (default), word, grapheme, a number of tokens, or into exactly these pieces. */
  chunk?: 'token' | 'word' | 'char' | { tokens: number } | readonly string[];
  /** Milliseconds before the first piece; a range is drawn from the seed. */
  ttftMs?: number | readonly [min: number, max: number];
  /** Milliseconds after each piece; a range is drawn from the seed. */
  delayMs?: number | readonly [min: number, max: number];
  tokensPerSecond?: number;
  /** Stops after some pieces until `session.release(until)`. */
  hold?: { afterChunks?: number; until: string };
  /** A comment in the stream for every so many milliseconds without an event. */
  keepAliveMs?: number;
}

/** Options of every reply. */
export interface ReplyOptions extends Pace {
  /** A reasoning item with this summary; `[]` = one without. */
  reasoning?: string | readonly string[];
  /** Citations, in the shape of the Responses API. */
  annotations?: readonly object[];
  /** Of the message. */
  phase?: 'commentary' | 'final_answer';
  /** Values to send when the request asks for them; else they are invented. */
  logprobs?: readonly Logprob[];
  /** Why the answer ended; else derived. */
  finishReason?: 'stop' | 'length' | 'tool_calls' | 'content_filter';
  /** Token counts, in either spelling; what is missing is counted. */
  usage?: Usage;
  model?: string;
  id?: string;
  /** More response headers. */
  headers?: Record<string, string>;
  /** `false`: the request may forbid this reply. */
  check?: boolean;
  /** Whose additions a chat completion has; `vllm`: `reasoning_content`, and usage in every chunk. */
  dialect?: 'openai' | 'vllm';
}

export interface Logprob {
  token: string;
  logprob: number;
  top_logprobs?: readonly Logprob[];
}

export interface Usage {
  prompt_tokens?: number;
  completion_tokens?: number;
  input_tokens?: number;
  output_tokens?: number;
  total_tokens?: number;
  prompt_tokens_details?: Record<string, number>;
  completion_tokens_details?: Record<string, number>;
  input_tokens_details?: Record<string, number>;
  output_tokens_details?: Record<string, number>;
}

/** A message. The empty string is an empty message. */
export function text(text: string, options?: ReplyOptions): ReplyObject;
/** A message that is JSON, written compactly. What JSON cannot hold is refused: a promise, a Map, a function, NaN; so is what is nested more than 100 levels deep. */
export function json(value: unknown, options?: ReplyOptions): ReplyObject;
/** A refusal. */
export function refusal(text: string, options?: ReplyOptions): ReplyObject;
/** Reasoning with this summary, then a reply that has none yet: `reasoning('Capitals …', 'Paris.')`. */
export function reasoning(summary: string | readonly string[], reply?: Reply, options?: ReplyOptions): ReplyObject;
/** A call of a tool. An object of arguments becomes JSON; a string is sent as it is, also if it is no JSON. */
export function toolCall(name: string, args?: object | string, options?: ToolCallOptions): ToolCallReply;
/** Several calls at once: `toolCalls(toolCall('a'), toolCall('b'))`. Their options are those of the one answer, and must agree. */
export function toolCalls(...calls: [ToolCallReply, ...ToolCallReply[]]): ToolCallReply;
/** Several output items in this order: replies of one part, or items as the Responses API writes them. */
export function output(items: readonly (Reply | ResponseOutputItem | { type: string; [key: string]: unknown })[], options?: ReplyOptions): ReplyObject;

export interface ToolCallOptions extends ReplyOptions {
  /** Id of the call; else minted. (The answer's own id is that of a reply around it.) */
  id?: string;
  /** A custom tool: the arguments are its input, a string. */
  custom?: boolean;
}

/** An error. What is left out is filled in as OpenAI does for this status; `null` stays null. */
export function error(status: number, error?: string | ErrorOptions): ReplyObject;
/** 429 `rate_limit_exceeded`, with the headers that say when to try again. SDKs do. */
export function rateLimited(error?: ErrorOptions): ReplyObject;
/** 429 `insufficient_quota`. SDKs try again. */
export function quotaExceeded(error?: ErrorOptions): ReplyObject;
/** 500 `server_error`. SDKs try again. */
export function serverError(error?: ErrorOptions): ReplyObject;
/** 400 `context_length_exceeded`. */
export function contextLengthExceeded(error?: ErrorOptions): ReplyObject;
/** 401 `invalid_api_key`. */
export function invalidApiKey(error?: ErrorOptions): ReplyObject;

export interface ErrorOptions {
  message?: string | null;
  type?: string | null;
  code?: string | null;
  param?: string | null;
  /** For the headers `retry-after-ms` and `retry-after`: 1 where SDKs try again, so that tests are fast; `null` = none. */
  retryAfterMs?: number | null;
  headers?: Record<string, string>;
}

/** Never answers: the client's time limit strikes. */
export function timeout(): ReplyObject;
/** Cuts the connection: before any byte, or in the middle of a reply. */
export function disconnect(options?: FaultOptions): ReplyObject;
export function disconnect(reply: Reply, options?: FaultOptions): ReplyObject;
/** Falls silent: after the headers, or in the middle of a reply, for `ms` milliseconds or until the client leaves. */
export function stall(options?: FaultOptions & { ms?: number }): ReplyObject;
export function stall(reply: Reply, options?: FaultOptions & { ms?: number }): ReplyObject;
/** Sends an event that is no JSON, at first or in the middle of a reply. */
export function malformed(reply?: Reply, options?: FaultOptions): ReplyObject;

export interface FaultOptions {
  /** After this many pieces; before any byte; or after the headers. */
  at?: number | 'connect' | 'headers';
}

/** Exactly this answer. A string is a body with status 200. */
export function raw(answer: string | RawAnswer): ReplyObject;

/** An answer as it is. Of `body`, `sse`, `chunks` and `events` one is given. */
export interface RawAnswer {
  /** Default 200. */
  status?: number;
  headers?: Record<string, string>;
  /** Any JSON, or text. */
  body?: unknown;
  /** Server-sent events. */
  sse?: readonly { event?: string; data: unknown }[];
  /** Bytes with their own borders and times, in milliseconds from the start. */
  chunks?: readonly { atMs: number; text?: string; base64?: string }[];
  /** Frames of a socket. */
  events?: readonly object[];
}

/** Generated text, structured output or tool calls, whatever the request asks for; the same for the same seed. */
export function generated(options?: GenerateOptions): ReplyObject;

export interface GenerateOptions {
  length?: 'short' | 'medium' | 'long';
  seed?: number;
  tools?: ToolStrategy;
  style?: 'plausible' | 'plain';
}

/** How generated tool calls choose: the first; all in order; those the user's words point at; by the seed; none. */
export type ToolStrategy = 'first' | 'sequence' | 'contextual' | 'random' | 'none';

/** A vector for every input, or a list of vectors, one for each. */
export function embedding(vector: readonly number[] | readonly (readonly number[])[], options?: ReplyOptions): ReplyObject;
/** A picture, or several: bytes or base64. */
export function image(data: Uint8Array | string | readonly (Uint8Array | string)[], options?: ReplyOptions): ReplyObject;
/** Sound: bytes or base64. */
export function audio(data: Uint8Array | string, options?: ReplyOptions & { transcript?: string }): ReplyObject;
/** A verdict: the categories that apply, none = not flagged; or the script language's object. */
export function moderation(verdict: string | readonly string[] | { flagged?: boolean; categories?: readonly string[]; category_scores?: import('./script.js').CategoryScores }, options?: ReplyOptions): ReplyObject;

/**
 * A reply for some requests only. A string or RegExp is searched in the last user message; a string is literal text.
 *
 * A RegExp keeps its meaning, but the emulator cannot look around or refer back to groups: such ones are refused.
 */
export function when(match: Match, reply: Reply | readonly [Reply, ...Reply[]], options?: RuleOptions): Rule<Reply>;
export function when(match: Match, reply: Reply | ReplyFunction | readonly [Reply | ReplyFunction, ...(Reply | ReplyFunction)[]], options?: RuleOptions): Rule;

/** Which requests: text in the last user message, or conditions that must all hold. */
export type Match = string | RegExp | MatchConditions;

export interface MatchConditions {
  /** In the last user message; without messages in the prompt or input text. */
  user?: string | RegExp;
  /** In the system and developer messages. */
  system?: string | RegExp;
  /** In any message. */
  anyMessage?: string | RegExp;
  /** A string is the exact name, also with slashes around it. */
  model?: string | RegExp;
  /** `chat`, `responses`, the SDK's name (`files.create`), or all of a resource (`files.*`). */
  operation?: string;
  /** A tool of this name is offered. */
  toolOffered?: string;
  /** The tool answered last; `false`: none was. */
  toolResult?: string | false | { tool?: string; text?: string | RegExp };
  /** Number of the model's turns so far. */
  turn?: number;
  /** Whether a stream is asked. */
  stream?: boolean;
  /** The output format asked. */
  format?: 'text' | 'json_object' | 'json_schema';
  header?: Record<string, string | RegExp>;
  /** JSON that the body contains: objects may have more keys, all else is equal. No RegExps. */
  body?: unknown;
  /** Beginning with `/v1/`, without query; a string is the exact path. */
  path?: string | RegExp;
  method?: string;
  not?: Match;
}

export interface RuleOptions {
  /** How often it may be used: default once, or once for each reply; `Infinity` = always. */
  times?: number | 'unlimited';
  /** Must hold for the request it is used for; if not, the request fails with the difference. */
  expect?: Match;
  /** Never counts as unused. */
  optional?: boolean;
  /** For messages and the journal. */
  name?: string;
}

declare const made: unique symbol;

/** A reply that calls tools. */
export interface ToolCallReply extends ReplyObject {
  tool_calls: readonly ScriptToolCall[];
}

/** A reply with a condition, made by {@link when}. */
export interface Rule<R extends Reply | ReplyFunction = Reply | ReplyFunction> {
  readonly [made]: R;
}

/** The helpers in one object, for those whose names are taken: `reply.text('Hello')`. */
export const reply: {
  text: typeof text;
  json: typeof json;
  refusal: typeof refusal;
  reasoning: typeof reasoning;
  toolCall: typeof toolCall;
  toolCalls: typeof toolCalls;
  output: typeof output;
  error: typeof error;
  rateLimited: typeof rateLimited;
  quotaExceeded: typeof quotaExceeded;
  serverError: typeof serverError;
  contextLengthExceeded: typeof contextLengthExceeded;
  invalidApiKey: typeof invalidApiKey;
  timeout: typeof timeout;
  disconnect: typeof disconnect;
  stall: typeof stall;
  malformed: typeof malformed;
  raw: typeof raw;
  generated: typeof generated;
  embedding: typeof embedding;
  image: typeof image;
  audio: typeof audio;
  moderation: typeof moderation;
  when: typeof when;
};
