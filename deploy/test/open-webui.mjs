// Open WebUI from PyPI in a virtual environment, without what only its own models need (torch and what stands on it: six
// gigabytes that the emulator replaces).
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { environmentOf } from '../../conformance/python/environment.mjs';
import { capture } from '../../scripts/run.mjs';

/** The version that deploy/compose.open-webui.yaml names. */
const [, VERSION] = /open-webui:([\d.]+)/.exec(readFileSync(new URL('../compose.open-webui.yaml', import.meta.url), 'utf8'));
const LEFT_OUT = ['accelerate', 'sentence-transformers', 'transformers', 'faster-whisper', 'einops', 'opencv-python-headless', 'rapidocr'];

/** Its command, in an environment that is made once. */
export function installOpenWebui() {
  const folder = fileURLToPath(new URL('.venv/open-webui', import.meta.url));
  const python = environmentOf([VERSION, ...LEFT_OUT].join(), folder, (install, python) => {
    install('--no-deps', `open-webui==${VERSION}`);
    const needs = capture(python, ['-c', 'import importlib.metadata; print("\\n".join(importlib.metadata.requires("open-webui")))']).split('\n');
    install(...needs.filter((need) => !need.includes('extra ==') && !LEFT_OUT.includes(/^[\w.-]+/.exec(need)[0])));
  });
  return path.join(path.dirname(python), 'open-webui');
}
