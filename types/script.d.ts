// The script language, as script.schema.json describes it; in JavaScript functions and RegExps may stand in it too.
import type { ReplyFunction, Usage, Logprob, ToolStrategy } from './replies.js';

/** A script; or its `responses` alone. */
export type Script = string | readonly ScriptStep[] | ScriptObject;

/** A whole script. */
export interface ScriptObject {
  /** The schema's address, for editors. */
  $schema?: string;
  $comment?: unknown;
  /** Forget the old script, counters and models first; else this adds to them. */
  reset?: boolean;
  /** Replaces the catalogue; a first entry `'...'` keeps it too; `'any'` accepts every name. */
  models?: 'any' | readonly (string | ScriptModel)[] | null;
  defaults?: Defaults | null;
  /** One reply; a list of steps in order; or a map from regex to reply, unlimited, in written order. */
  responses?: string | readonly ScriptStep[] | { readonly [pattern: string]: string | ReplyObject | ReplyFunction } | null;
  /** Rules after those of `responses`. */
  rules?: readonly ScriptStep[] | null;
}

/** An item of a list: a rule, or a reply that is one for any request, once. */
export type ScriptStep = string | ReplyFunction | ScriptRule;

/** When to answer, what, and how often; the reply's keys may stand beside. */
export interface ScriptRule extends ReplyObject {
  /** Which requests; none = any. A string is a regex searched in the user's text. */
  match?: ScriptMatch;
  /** Another name of `match`. */
  pattern?: ScriptMatch;
  response?: string | ReplyObject | ReplyFunction;
  /** Replies given in turn, the last one repeating. */
  responses?: readonly (string | ReplyObject | ReplyFunction)[];
  /** Uses; default 1, or the number of responses. */
  times?: number | 'unlimited';
  /** Checked once the rule is chosen; if it fails, the request fails with the difference. */
  expect?: ScriptMatch;
  /** Never counts as unused. */
  optional?: boolean;
  /** For messages and the journal. */
  name?: string;
}

/** Conditions that must all hold. A string is a regex in Rust's syntax, or `/regex/i`. */
export type ScriptMatch = string | RegExp | {
  user?: string | RegExp;
  system?: string | RegExp;
  any_message?: string | RegExp;
  /** Exact, or a regex in `/…/`. */
  model?: string | RegExp;
  operation?: string;
  tool_offered?: string;
  tool_result?: string | false | { tool?: string; text?: string | RegExp };
  turn?: number;
  stream?: boolean;
  format?: 'text' | 'json_object' | 'json_schema';
  header?: { readonly [name: string]: string | RegExp };
  /** JSON that the body contains. */
  body?: unknown;
  /** Another name of `body`. */
  json?: unknown;
  path?: string | RegExp;
  method?: string;
  not?: ScriptMatch;
  $comment?: unknown;
};

/** One part of a reply. */
export interface ScriptPart {
  /** The message; the empty string is an empty one. */
  text?: string;
  /** The message as compact JSON. */
  json?: unknown;
  refusal?: string;
  phase?: 'commentary' | 'final_answer';
  /** Citations, in the shape of the Responses API. */
  annotations?: readonly object[];
  /** A reasoning item with this summary; `[]` = one without. */
  reasoning?: string | readonly string[];
  /** Tool calls, after the message. */
  tool_calls?: readonly ScriptToolCall[];
  $comment?: unknown;
}

/** One of several answers. */
export interface ScriptChoice extends ScriptPart {
  /** Parts in this order, or items as the Responses API writes them. */
  output?: readonly (string | ScriptPart | { type: string; [key: string]: unknown })[];
  logprobs?: readonly Logprob[];
  /** A picture in base64. */
  image?: string;
  audio?: { data?: string; transcript?: string };
  finish_reason?: 'stop' | 'length' | 'tool_calls' | 'content_filter';
}

/** A reply as an object: what the helpers return. */
export interface ReplyObject extends ScriptChoice {
  /** For n > 1. */
  choices?: readonly (string | ScriptChoice)[];
  embedding?: readonly number[] | readonly (readonly number[])[];
  transcript?: string | object;
  /** Merged over what an operation without a turn would answer; for rules that name the operation. */
  object?: { readonly [field: string]: unknown };
  moderation?: { flagged?: boolean; categories?: readonly string[]; category_scores?: CategoryScores };
  error?: string | ScriptError;
  raw?: ScriptRaw;
  echo?: true;
  manual?: true | { timeout_ms?: number };
  upstream?: true | { model?: string; percent?: number };
  /** A recording answers this step. */
  replay?: true;
  generate?: { length?: 'short' | 'medium' | 'long'; seed?: number; tools?: ToolStrategy; style?: 'plausible' | 'plain' };
  /** Whose additions a chat completion has; `vllm`: `reasoning_content`, and usage in every chunk. */
  dialect?: 'openai' | 'vllm';
  usage?: Usage;
  model?: string;
  id?: string;
  headers?: { readonly [name: string]: string };
  /** `false`: the request may forbid this reply. */
  check?: boolean;
  pace?: ScriptPace;
  fault?: ScriptFault;
  /** LLEmulator's form: the HTTP status of `error`, `json`, `sse` or `content`. */
  status?: number;
  /** LLEmulator's form, beside `status`: the text. */
  content?: string;
  /** LLEmulator's form, beside `status`: events. */
  sse?: ScriptRaw['sse'];
}

/** A call of a tool: a function with `arguments`, a custom tool with `input`; or OpenAI's own form. */
export interface ScriptToolCall {
  name?: string;
  /** An object becomes JSON; a string is sent as it is. */
  arguments?: unknown;
  input?: string;
  id?: string;
  type?: 'function' | 'custom';
  function?: { name: string; arguments?: unknown };
  custom?: { name: string; input?: string };
  $comment?: unknown;
}

/** An error as the answer; what is left out is filled in, null stays null. */
export interface ScriptError {
  status?: number;
  message?: string | null;
  type?: string | null;
  code?: string | null;
  param?: string | null;
  retry_after_ms?: number | null;
  headers?: { readonly [name: string]: string };
  $comment?: unknown;
}

/** An answer as it is. */
export interface ScriptRaw {
  status?: number;
  headers?: { readonly [name: string]: string };
  body?: unknown;
  sse?: readonly { event?: string; data: unknown }[];
  chunks?: readonly { at_ms?: number; text?: string; base64?: string }[];
  events?: readonly unknown[];
  $comment?: unknown;
}

/** When each piece leaves. */
export interface ScriptPace {
  ttft_ms?: number | readonly [min: number, max: number];
  tokens_per_second?: number;
  delay_ms?: number | readonly [min: number, max: number];
  chunk?: 'token' | 'word' | 'char' | { tokens: number } | readonly string[];
  hold?: { after_chunks?: number; until: string };
  /** A comment in the stream for every so many milliseconds without an event. */
  keep_alive_ms?: number;
  $comment?: unknown;
}

/** What goes wrong on the way. */
export interface ScriptFault {
  /** After this many pieces; before any byte; or after the headers. */
  at?: number | 'connect' | 'headers';
  kind: 'disconnect' | 'close' | 'stall' | 'malformed' | 'error';
  error?: string | ScriptError;
  stall_ms?: number;
  $comment?: unknown;
}

/** A model of the session's catalogue. */
export interface ScriptModel {
  id: string;
  context_window?: number;
  max_output_tokens?: number;
  owned_by?: string;
  $comment?: unknown;
}

/** What holds for every reply of a session. */
export interface Defaults {
  pace?: ScriptPace;
  /** Who answers when no rule does. */
  fallback?: 'error' | 'echo' | 'generate' | 'upstream' | 'manual' | 'replay' | ReplyObject | ReplyFunction;
  /** Another name of `fallback`. */
  on_unmatched?: Defaults['fallback'];
  /** What a reply the request forbids leads to. */
  check_replies?: 'fail' | 'warn' | 'off';
  /** Requests and tokens a minute and a day, by model; `*` = every other one. */
  rate_limits?: { readonly [model: string]: { rpm?: number; tpm?: number; rpd?: number; tpd?: number } };
  /** Failures before any rule: an `error` or a `fault` with `probability`, `every` or `first`. */
  chaos?: readonly { error?: string | ScriptError; fault?: ScriptFault; probability?: number; every?: number; first?: number }[];
  $comment?: unknown;
}

/** Scores from 0 to 1 of a scripted moderation, by OpenAI's names of categories; those left out follow from the verdict. */
export interface CategoryScores {
  readonly 'harassment'?: number;
  readonly 'harassment/threatening'?: number;
  readonly 'hate'?: number;
  readonly 'hate/threatening'?: number;
  readonly 'illicit'?: number;
  readonly 'illicit/violent'?: number;
  readonly 'self-harm'?: number;
  readonly 'self-harm/instructions'?: number;
  readonly 'self-harm/intent'?: number;
  readonly 'sexual'?: number;
  readonly 'sexual/minors'?: number;
  readonly 'violence'?: number;
  readonly 'violence/graphic'?: number;
}
