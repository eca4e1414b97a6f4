// llemulator/jest/global-setup and llemulator/jest/global-teardown

/** Starts one emulator for the run and sets LLEMULATOR_URL; or stops it. */
declare function globalHook(): Promise<void>;
export = globalHook;
