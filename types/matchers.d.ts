/** What the matchers of `llemulator/vitest` and `llemulator/jest` add to `expect(session)`. */
export interface SessionMatchers<R = unknown> {
  /** The session received this many requests, failed ones too. */
  toHaveReceivedRequests(count: number): R;
  /** One of the session's requests holds these keys: `{ operation: 'responses.create', body: { model: 'gpt-4o' } }`. */
  toHaveReceivedRequest(subset: object): R;
  /** The application called a tool the model asked for, and sent its result; `args` may be a part of the arguments. */
  toHaveCalledTool(name: string, args?: unknown): R;
  /** No reply is left and no request was unscripted: what `finish()` asks. */
  toHaveUsedAllReplies(): R;
}
