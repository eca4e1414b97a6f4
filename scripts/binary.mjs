// The stand-alone binary's debug form, for the stages that ask it: built once, as Rust's tests build it.
import path from 'node:path';
import { capture, run } from './run.mjs';

/** Builds the binary with what the image carries, and gives its path. */
export function buildBinary() {
  run('cargo', ['build', '--locked', '--no-default-features', '--features', 'telemetry', '--bin', 'llemulator']);
  const { target_directory: target } = JSON.parse(capture('cargo', ['metadata', '--format-version', '1', '--no-deps', '--locked']));
  return path.join(target, 'debug', 'llemulator');
}
