'use strict';
// What a file of weights begins with. node-llama-cpp never comes to an end with some files that are none.
const { open } = require('node:fs/promises');
const { LLEmulatorError } = require('../errors.js');

/** Bytes of a header: `GGUF`, its version, how many tensors and how many keys follow (each 8 bytes, the lowest first). */
const HEADER = 24;

/** Bytes that the description of a tensor takes at least (lengths, type, place), and a key with its value. */
const LEAST = { tensor: 24n, key: 13n };

/**
 * @param {Buffer} header
 * @param {number} size  of the file
 * @returns {string | undefined}
 */
function fault(header, size) {
  if (header.toString('latin1', 0, 4) !== 'GGUF') return 'it does not begin with GGUF';
  if (header.length < HEADER) return `it ends after ${size} bytes`;
  const [tensors, keys] = [header.readBigUInt64LE(8), header.readBigUInt64LE(16)];
  if (tensors * LEAST.tensor + keys * LEAST.key <= BigInt(size)) return undefined;
  return `it is damaged or was cut off: it speaks of ${tensors} tensors and ${keys} keys and has ${size} bytes`;
}

/**
 * Refuses a file that holds no weights.
 * @param {string} file
 */
async function mustBeGguf(file) {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER), 0, HEADER, 0);
    const why = fault(buffer.subarray(0, bytesRead), size);
    if (why) throw new LLEmulatorError('ERR_LLEMULATOR_LOCAL_MODEL', `${file} holds no weights in GGUF: ${why}`);
  } finally {
    await handle.close();
  }
}

module.exports = { mustBeGguf };
