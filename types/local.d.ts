// A real small model as a reply function.

import type { ReplyFunction } from './replies.js';

/**
 * A real small model that answers, by llama.cpp in this process: the optional package `node-llama-cpp` (3.21.1), loaded
 * at the first use. Requests are answered one at a time.
 *
 * ```ts
 * const smollm = localModel({ path: 'models/smollm2.gguf' });
 * await smollm.load(); // else the first request waits for it
 * api.replies(when({ model: 'smollm' }, smollm, { times: Infinity }));
 * ```
 */
export function localModel(options: LocalModelOptions): LocalModel;

/** Which model, and how it answers what a request leaves open. One of `path`, `url` and `name` says where its weights are. */
export interface LocalModelOptions {
  /** A GGUF file. */
  path?: string;
  /** The address of a GGUF file, downloaded once into the cache; a download that broke off goes on where it ended. */
  url?: string;
  /** Weights whose address is known: `smollm` (SmolLM2-360M-Instruct, 386 MB, from Hugging Face). */
  name?: 'smollm';
  /** What a download's bytes must give; else what the server says of them, if it does. */
  sha256?: string;
  /** The folder of downloads. Default: `llemulator/models` in the user's cache. */
  cache?: string;
  /** Threads. Default: the physical cores that are free when it is loaded; more than these make it slower, not faster. */
  threads?: number;
  /** Tokens that question and answer may have together. Default 4096, or what the model was trained for if that is less. */
  contextSize?: number;
  /** Most requests that wait while one is answered; the next get a 503. Default 16. */
  queue?: number;
  /** When the request says nothing. Default 0.7. */
  temperature?: number;
  /** When the request says nothing. Default 0.9. */
  topP?: number;
  /** When the request says nothing. Default 0: the same question gets the same answer. */
  seed?: number;
  /** Let llama.cpp use a graphics card. Default false. */
  gpu?: boolean;
  /** Told how far the download and the loading are. */
  onProgress?: (progress: { what: 'download' | 'load'; done: number; total?: number }) => void;
}

/** A reply function that owns a model. */
export interface LocalModel extends ReplyFunction, AsyncDisposable {
  /** Downloads what is missing and loads it; at once when it is loaded. What fails can be tried again. */
  load(): Promise<void>;
  /** Ends what it is answering and frees its memory. */
  dispose(): Promise<void>;
}
