// llemulator/vitest/global-setup

/** Starts one emulator for the run and sets LLEMULATOR_URL. Watching, each run begins without sessions. */
export function setup(project?: { onTestsRerun?: (hook: () => void) => void }): Promise<void>;
/** Stops it. */
export function teardown(): Promise<void>;
