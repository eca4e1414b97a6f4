// Open WebUI from PyPI in a virtual environment, without what only its own models need (torch and what stands on it: six
// gigabytes that the emulator replaces).
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { capture, run } from '../../scripts/run.mjs';

/** The version that deploy/compose.open-webui.yaml names. */
const [, VERSION] = /open-webui:([\d.]+)/.exec(readFileSync(new URL('../compose.open-webui.yaml', import.meta.url), 'utf8'));
const LEFT_OUT = ['accelerate', 'sentence-transformers', 'transformers', 'faster-whisper', 'einops', 'opencv-python-headless', 'rapidocr'];

/** The `bin` of the environment; made once. */
export function installOpenWebui() {
  const folder = fileURLToPath(new URL('.venv/open-webui', import.meta.url));
  const bin = path.join(folder, 'bin');
  const stamp = path.join(folder, 'version');
  const what = [VERSION, ...LEFT_OUT].join();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === what) return bin;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run('python3', ['-m', 'venv', folder]);
  const python = path.join(bin, 'python');
  const pip = (...packages) => run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);
  pip('--no-deps', `open-webui==${VERSION}`);
  const needs = capture(python, ['-c', 'import importlib.metadata; print("\\n".join(importlib.metadata.requires("open-webui")))']).split('\n');
  pip(...needs.filter((need) => !need.includes('extra ==') && !LEFT_OUT.includes(/^[\w.-]+/.exec(need)[0])));
  writeFileSync(stamp, what);
  return bin;
}
