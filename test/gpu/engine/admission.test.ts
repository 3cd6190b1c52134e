/** Places for scores and updates: one tenant cannot take them all. */
import { expect, it } from "vitest";
import { Admission } from "../../../gpu-service/src/engine/queue/admission.ts";

it("leaves half of the background places to other tenants", () => {
  const limits = { rowsMax: 1, queueMax: 1, tenantQueueMax: 1, backgroundMax: 5 };
  const admission = new Admission(limits, () => 0);
  const leave = [1, 2, 3].map(() => admission.enter("adapt", "heavy"));
  expect(() => admission.enter("score", "heavy")).toThrow(
    expect.objectContaining({
      code: "queue_full",
      message: expect.stringContaining("of this tenant"),
    }),
  );
  admission.enter("adapt", "light");
  admission.enter("score", "light");
  expect(() => admission.enter("score", "third")).toThrow("5 scores, updates and exports");
  leave[0]!();
  leave[0]!(); // once is enough
  admission.enter("score", "heavy");
  expect(() => admission.enter("score", "heavy")).toThrow("Cannot take more work");
});
