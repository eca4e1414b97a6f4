// Every golden, one server: `node conformance/wire/run.mjs`. Needs no recordings.
import './bodies.test.mjs';
import './streams.test.mjs';
import './headers-errors.test.mjs';
