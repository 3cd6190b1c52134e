/** `npm run demo` from nothing: it starts its own rosa2, holds one conversation, and leaves nothing running. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, it } from "vitest";
import { rootPath } from "../../edge/local/settings.ts";
import { readRunning } from "../../edge/local/state.ts";
import { makeStateFolder } from "./support/rosa.ts";

const state = makeStateFolder();
afterAll(() => state.remove());

describe("npm run demo", () => {
  it("shows a wrong reply, both axes of the repair, and the next request right at once", async () => {
    const { code, printed } = await demo();
    expect(printed).toMatch(/✗ wrong/);
    // Words before → after, as a word diff.
    expect(printed).toMatch(/words +.*\{\+.+\+\}/);
    expect(printed).toMatch(
      /weights +gen_\w+, ‖Δθ‖ [\d.]+, KL [\d.]+ nats a token, objective .+ → .+, \d+ ms/,
    );
    const [, second] = printed.split("Another request of the same kind").slice(-2);
    expect(second).toMatch(/✓ right/);
    expect(second).not.toMatch(/✗ wrong/);
    expect(code).toBe(0);
    expect(readRunning(state.path)).toBeNull();
  });

  it("draws from any seed until a conversation shows all, and says how many it drew", async () => {
    const { code, printed } = await demo("--seed", "902");
    expect(code).toBe(0);
    const conversations = printed.match(/^Conversation \d+$/gm)!;
    const [, told, drawn] =
      /Conversation (\d+) showed it all: 1 of (\d+) conversations drawn from seed 902 on/.exec(
        printed,
      )!;
    expect(conversations).toHaveLength(Number(drawn));
    expect(conversations.at(-1)).toBe(`Conversation ${told}`);
    expect(Number(told)).toBe(902 + Number(drawn) - 1);
  });

  it("refuses a seed that is no number", async () => {
    expect(await demo("--seed", "x")).toMatchObject({
      code: 1,
      printed: expect.stringContaining("--seed x: must be a whole number"),
    });
  });
});

async function demo(...args: string[]): Promise<{ code: number | null; printed: string }> {
  const child = spawn(process.execPath, ["edge/local/demo.ts", ...args], {
    cwd: rootPath,
    env: { ...process.env, ROSA2_STATE: state.path, NO_COLOR: "1", FORCE_COLOR: undefined },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await ended;
  return { code, printed: out + err };
}
