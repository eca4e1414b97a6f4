// llemulator/node
import type { CassetteOptions, RecordedRequest, RemoteSession, Session, SessionOptions } from '../index.js';
import type { ExpectedMessage } from './matchers.js';

/** What is used of a test of `node:test`. */
export interface TestContext {
  readonly name: string;
  readonly fullName?: string;
  readonly passed?: boolean;
  after(hook: () => void): void;
  diagnostic?(message: string): void;
}

/**
 * A session named after the test, on an emulator of this process. `finish()` runs after a test that passed. What comes
 * later is told when the process ends, with the exit code 1.
 */
export function setupEmulator(t: TestContext, options?: SessionOptions): Promise<Session>;

/**
 * A session named after the test that is answered by the recordings in `__cassettes__/name.jsonl` beside the test's file.
 * `LLEMULATOR_RECORD=on-miss` records what is missing, `LLEMULATOR_RECORD=all` everything anew; where `CI` is set nothing is.
 */
export function cassette(t: TestContext, name: string, options?: CassetteOptions): Promise<Session>;

// The matchers of the other runners as assertions: they throw an AssertionError with the same words. Of an emulator
// elsewhere they give a promise.

/** The session received this many requests, failed ones too. */
export function assertReceivedRequests(session: Session, count: number): void;
export function assertReceivedRequests(session: RemoteSession, count: number): Promise<void>;
/** One of the session's requests holds these keys; a RegExp matches text. */
export function assertReceivedRequest(session: Session, subset: object): void;
export function assertReceivedRequest(session: RemoteSession, subset: object): Promise<void>;
/** One request carried this conversation, no more and no less, whatever the endpoint. */
export function assertReceivedMessages(session: Session, messages: readonly (string | RegExp | ExpectedMessage)[]): void;
export function assertReceivedMessages(session: RemoteSession, messages: readonly (string | RegExp | ExpectedMessage)[]): Promise<void>;
/** One answer was streamed to its end; the request holds these keys. */
export function assertStreamed(session: Session, subset?: object): void;
export function assertStreamed(session: RemoteSession, subset?: object): Promise<void>;
/** The application called a tool the model asked for, and sent its result. */
export function assertCalledTool(session: Session, name: string, args?: unknown): void;
export function assertCalledTool(session: RemoteSession, name: string, args?: unknown): Promise<void>;
/** No reply is left and no request went wrong: what `finish()` asks. */
export function assertUsedAllReplies(session: Session): void;
export function assertUsedAllReplies(session: RemoteSession): Promise<void>;

/** Requests as they stand in a snapshot: `t.assert.snapshot(forSnapshot(api.requests))`. */
export function forSnapshot(requests: RecordedRequest | readonly RecordedRequest[]): object;
