import { afterAll, beforeAll } from "vitest";
import { makeStateFolder, Rosa } from "./rosa.ts";

/**
 * A rosa2 on a state folder of its own, for all tests of a file. `started` is called with it; it is ended after the
 * tests.
 */
export function useRosa(
  started: (rosa: Rosa) => void,
  environment: Record<string, string> = {},
): ReturnType<typeof makeStateFolder> {
  const state = makeStateFolder();
  let rosa: Rosa | undefined;
  beforeAll(async () => {
    rosa = await Rosa.start(state.path, environment);
    started(rosa);
  });
  afterAll(async () => {
    await rosa?.process.stop();
    state.remove();
  });
  return state;
}
