// What `llemulator/vitest` and `llemulator/jest` add to `expect(session)`, and `llemulator/node` has as functions.

/** The matchers. Of an emulator elsewhere the session's are promises: `await expect(session).toHaveReceivedRequests(1)`. */
export interface SessionMatchers<R = unknown> {
  /** The session received this many requests, failed ones too. */
  toHaveReceivedRequests(count: number): R;
  /**
   * One of the session's requests holds these keys: `{ operation: 'responses.create', body: { model: 'gpt-4o' } }`. A
   * RegExp matches text. A failure shows the request that comes nearest, with the difference. Keys that no request has
   * are refused.
   */
  toHaveReceivedRequest(subset: object): R;
  /**
   * One request carried this conversation, no more and no less, whatever the endpoint: texts, or messages of which the
   * given keys must hold. Instructions are a system message; a tool's result is a message of the role `tool`.
   *
   * ```ts
   * expect(api).toHaveReceivedMessages([{ role: 'system', text: /terse/ }, 'The capital of France?']);
   * ```
   */
  toHaveReceivedMessages(messages: readonly (string | RegExp | ExpectedMessage)[]): R;
  /**
   * One answer was streamed to its end, and is over; the request holds these keys. Those that contradict this (a `status`
   * of 500) are refused.
   */
  toHaveStreamed(subset?: object): R;
  /** The application called a tool the model asked for, and sent its result; `args` may be a part of the arguments. */
  toHaveCalledTool(name: string, args?: unknown): R;
  /** No reply is left and no request went wrong: what `finish()` asks. */
  toHaveUsedAllReplies(): R;
}

/** A message of a conversation; what is left out may be anything. An asymmetric matcher may stand for any value. */
export interface ExpectedMessage {
  role?: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  text?: unknown;
}

/** The matchers as `expect.extend()` takes them. */
export type MatcherFunctions = Record<keyof SessionMatchers, (this: any, received: unknown, ...expected: any[]) => any>;

/** How a session's requests stand in a snapshot: without ids, times, addresses and what clients add to headers. */
export interface RequestsSerializer {
  test(value: unknown): boolean;
  serialize(value: any, config: any, indentation: string, depth: number, refs: any, printer: (value: unknown, config: any, indentation: string, depth: number, refs: any) => string): string;
}
