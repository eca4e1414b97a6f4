// What a bundler and a file tracer make of use.mjs: copied alone into an empty folder it runs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { nodeFileTrace } from '@vercel/nft';
import webpack from 'webpack';

const elsewhere = () => realpathSync(mkdtempSync(path.join(tmpdir(), 'bundled-')));
const run = (folder, file) => {
  const { stdout, stderr } = spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' });
  assert.equal(stdout, 'Paris.\n', stderr);
};

// webpack, with the loader that its documentation names for addons.
const bundled = elsewhere();
const stats = await new Promise((resolve, reject) => webpack({
  mode: 'production',
  target: 'node20',
  entry: './use.mjs',
  output: { path: bundled, filename: 'use.cjs' },
  module: { rules: [{ test: /\.node$/, loader: 'node-loader' }] },
}, (error, made) => (error ? reject(error) : resolve(made))));
assert.deepEqual(stats.toJson().errors.map((error) => error.message), []);
run(bundled, 'use.cjs');

// @vercel/nft, which decides what serverless functions are packed with.
const traced = elsewhere();
const { fileList } = await nodeFileTrace(['use.mjs']);
for (const file of fileList) cpSync(realpathSync(file), path.join(traced, file));
run(traced, 'use.mjs');
console.log('webpack and @vercel/nft find the addon');
