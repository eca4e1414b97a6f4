// OpenTelemetry against a receiver of the real protocol: builds the stand-alone binary with the feature, makes a virtual
// environment once, runs pytest in it.
import { fileURLToPath } from 'node:url';
import { buildBinary } from '../../scripts/binary.mjs';
import { run } from '../../scripts/run.mjs';
import { environment } from '../python/environment.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const env = { ...process.env, LLEMULATOR_BINARY: buildBinary(), PYTHONDONTWRITEBYTECODE: '1' };
run(environment(`${here}requirements.txt`, `${here}.venv`), ['-m', 'pytest', '-q', ...process.argv.slice(2)], { cwd: here, env });
