// llemulator/vitest/global-setup

/** Starts one emulator for the run and sets LLEMULATOR_URL. */
export function setup(): Promise<void>;
/** Stops it. */
export function teardown(): Promise<void>;
