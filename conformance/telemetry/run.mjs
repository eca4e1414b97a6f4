// OpenTelemetry against a receiver of the real protocol: builds the stand-alone binary with the feature, makes a virtual
// environment once, runs pytest in it.
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { capture, run } from '../../scripts/run.mjs';
import { environment } from '../python/environment.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
run('cargo', ['build', '--locked', '--no-default-features', '--features', 'telemetry', '--bin', 'llemulator']);
const { target_directory: target } = JSON.parse(capture('cargo', ['metadata', '--format-version', '1', '--no-deps', '--locked']));
const env = { ...process.env, LLEMULATOR_BINARY: path.join(target, 'debug', 'llemulator'), PYTHONDONTWRITEBYTECODE: '1' };
run(environment(`${here}requirements.txt`, `${here}.venv`), ['-m', 'pytest', '-q', ...process.argv.slice(2)], { cwd: here, env });
