/** Gives the typed error of an action that must fail. */
import { RosaError } from "@rosa2/shared/errors";
import { expect } from "vitest";

export function errorOf(action: () => unknown): RosaError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(RosaError);
    return error as RosaError;
  }
  throw new Error("nothing was thrown");
}
