// Replicas as one: the stand-alone binary beside a real `redis-server` (Debian's), with every fault of both.
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { buildBinary } from '../../scripts/binary.mjs';
import { run } from '../../scripts/run.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const env = { ...process.env, LLEMULATOR_BINARY: buildBinary() };
const files = ['cases', 'shared', 'people', 'bounds', 'faults'].map((name) => path.join(here, `${name}.mjs`));
run(process.execPath, ['--test', '--test-reporter=spec', '--test-force-exit', '--test-concurrency=1', ...process.argv.slice(2), ...files], { env });
