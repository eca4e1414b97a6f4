// Cargo's commands for what is tested of Rust, and the stand-alone binary as the stages that ask it get it.
import path from 'node:path';
import { capture, run } from './run.mjs';

/**
 * How our own crate is compiled for tests: quickly, and watching itself. The libraries are those of the checkout's addon,
 * so that a machine compiles them once for both.
 */
const OWN = { 'opt-level': 0, 'codegen-units': 256, 'debug-assertions': true, 'overflow-checks': true, incremental: true, strip: '"none"' };

/** Arguments of every cargo command whose outcome is tested. */
export const TESTED = ['--locked', '--profile', 'checkout', ...Object.entries(OWN).flatMap(([name, value]) => ['--config', `profile.checkout.package.llemulator.${name}=${value}`])];

/** What the image carries. */
export const IN_IMAGE = ['--no-default-features', '--features', 'telemetry'];

/** Where cargo puts what it builds with them. @param {string} target  its target folder */
export const built = (target) => path.join(target, 'checkout', 'llemulator');

/** Builds the binary with what the image carries, as Rust's tests do, and gives its path. */
export function buildBinary() {
  // One test that asks the binary, so that libraries have the features that tests want of them: those are there already.
  run('cargo', ['test', ...TESTED, ...IN_IMAGE, '--test', 'command_line', '--no-run']);
  const { target_directory: target } = JSON.parse(capture('cargo', ['metadata', '--format-version', '1', '--no-deps', '--locked']));
  return built(target);
}
