/** The runtime of a random checkpoint for the tests of one file, loaded before them and removed after them. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import type { Runtime } from "../../../gpu-service/src/engine/queue/runtime.ts";
import { loadRuntime } from "../../../gpu-service/src/load.ts";
import { loadOptions } from "./load-options.ts";
import { writeRandomCheckpoint } from "./random-checkpoint.ts";

/** A function that gives the runtime while the tests run. */
export function randomRuntime(): () => Runtime {
  let directory: string;
  let runtime: Runtime;
  beforeAll(async () => {
    directory = writeRandomCheckpoint();
    runtime = await loadRuntime(loadOptions(directory, { contextTokensMax: 4096 }));
  });
  afterAll(async () => {
    await runtime.model.dispose();
    rmSync(directory, { recursive: true });
  });
  return () => runtime;
}
