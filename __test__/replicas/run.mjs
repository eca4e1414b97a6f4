// Replicas as one: the stand-alone binary beside a real `redis-server` (Debian's), with every fault of both.
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { capture, run } from '../../scripts/run.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
run('cargo', ['build', '--locked', '--no-default-features', '--features', 'telemetry', '--bin', 'llemulator']);
const { target_directory: target } = JSON.parse(capture('cargo', ['metadata', '--format-version', '1', '--no-deps', '--locked']));
const env = { ...process.env, LLEMULATOR_BINARY: path.join(target, 'debug', 'llemulator') };
const files = ['cases', 'people', 'bounds', 'faults'].map((name) => path.join(here, `${name}.mjs`));
run(process.execPath, ['--test', '--test-reporter=spec', '--test-force-exit', '--test-concurrency=1', ...process.argv.slice(2), ...files], { env });
