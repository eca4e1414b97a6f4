import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

/** The most the page may weigh, zipped: an operator on a slow line waits for all of it. */
const BUDGET = 150 * 1024;

/** Writes what was built as `dist/NAME.gz`: the binary embeds and serves these bytes. */
const zipped = () => ({
  name: 'zipped',
  enforce: 'post',
  generateBundle(_, bundle) {
    let size = 0;
    for (const [name, made] of Object.entries(bundle)) {
      const bytes = gzipSync(made.code ?? made.source, { level: 9 });
      size += bytes.length;
      mkdirSync(path.join(import.meta.dirname, 'dist'), { recursive: true });
      writeFileSync(path.join(import.meta.dirname, 'dist', `${path.basename(name)}.gz`), bytes);
      delete bundle[name];
    }
    if (size > BUDGET) this.error(`The page has ${size} bytes, zipped; the budget is ${BUDGET}.`);
  },
});

/** The page's policy allows no style attributes; the editor's few, in templates of its own, are in `style/editor.css`. */
const withoutStyleAttributes = () => ({
  name: 'without-style-attributes',
  transform(code, id) {
    if (!id.includes('prism-code-editor') || !code.includes('style=')) return null;
    return { code: code.replace(/(createTemplate\((?:"|`)<div)( class=[\w-]+)? style=(?:\\"[^"]*\\"|[^\s>]+)/g, (_, start, named) => `${start}${named ?? ' class=pce-cursor'}`), map: null };
  },
});

/** While the page is being worked on: an emulator (`npm start`), or `node ui/mock/server.mjs 8080`. */
const EMULATOR = 'http://127.0.0.1:8080';

export default defineConfig(({ command }) => ({
  root: import.meta.dirname,
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { proxy: { '/api': EMULATOR, '/v1': EMULATOR, '/ws': { target: EMULATOR, ws: true } } },
  build: {
    target: 'es2022',
    emptyOutDir: false,
    // One script and one sheet: the page is small, and every address is one to guard.
    assetsInlineLimit: 0,
    modulePreload: false,
    rolldownOptions: {
      output: { entryFileNames: 'ui/app.js', assetFileNames: 'ui/app[extname]', codeSplitting: false },
    },
  },
  plugins: [withoutStyleAttributes(), ...(command === 'build' ? [zipped()] : [])],
}));
