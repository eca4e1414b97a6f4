// Which glibc a binary needs. It is told by the versions of the functions it names: GLIBC_2.17 and the like.
import { readFileSync } from 'node:fs';

/** Whether glibc version `a` is newer than `b`; both as "2.17". */
export function isNewer(a, b) {
  const [[aMajor, aMinor], [bMajor, bMinor]] = [a, b].map((version) => version.split('.').map(Number));
  return aMajor > bMajor || (aMajor === bMajor && aMinor > bMinor);
}

/**
 * The newest glibc version that the binary at `file` names, as "2.17"; undefined when it names none.
 * Version names stand as plain text in .dynstr, so no objdump is needed.
 */
export function newestGlibc(file) {
  const versions = [...readFileSync(file, 'latin1').matchAll(/\0GLIBC_(\d+\.\d+)/g)].map(([, version]) => version);
  return versions.reduce((newest, version) => (newest && !isNewer(version, newest) ? newest : version), /** @type {string | undefined} */ (undefined));
}
