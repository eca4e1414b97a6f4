// The package on every runtime it is made for: Node 20, 22, 24, Bun, Deno. Installed here, not with the package's own
// tools, which would grow by half a gigabyte.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const installed = (path) => `${here}node_modules/${path}`;

/** Name, command, flags that a program may ask for. @type {[string, string, string[], Record<string, string>][]} */
const RUNTIMES = [
  ['Node 20', installed('node20/bin/node'), [], { gc: '--expose-gc' }],
  ['Node 22', installed('node22/bin/node'), [], { gc: '--expose-gc' }],
  ['Node 24', installed('node24/bin/node'), [], { gc: '--expose-gc' }],
  ['Bun', installed('.bin/bun'), [], {}],
  ['Deno', installed('.bin/deno'), ['run', '-A'], { gc: '--v8-flags=--expose-gc' }],
];

/** The programs, and what they need of a runtime. */
const PROGRAMS = [['smoke'], ['forgotten'], ['blocked'], ['workers'], ['threads'], ['collected', 'gc']];

let failed = 0;
for (const [name, command, flags, abilities] of RUNTIMES) {
  for (const [program, needs] of PROGRAMS) {
    if (needs && !abilities[needs]) continue;
    const extra = needs ? [abilities[needs]] : [];
    const { status, signal, error } = spawnSync(command, [...flags, ...extra, `${here}../programs/${program}.mjs`], { stdio: 'inherit', timeout: 60_000 });
    const passed = status === 0;
    failed += passed ? 0 : 1;
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${name}: ${program}${passed ? '' : ` (${error?.message ?? signal ?? `code ${status}`})`}`);
  }
}
process.exitCode = failed ? 1 : 0;
