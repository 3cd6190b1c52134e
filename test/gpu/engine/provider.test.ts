import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { fixtureFolder } from "../compiler/golden.ts";

const run = promisify(execFile);

it.each(["webgpu", "cuda"])(
  "refuses PROVIDER=%s by name where the machine has no such device",
  async (provider) => {
    const { href } = new URL("../../../gpu-service/src/engine/model/model.ts", import.meta.url);
    const script = `
    const { Model } = await import("${href}");
    const loaded = Model.load("${fixtureFolder("llama")}", { provider: "${provider}" });
    const { code, param, message } = await loaded.then(() => ({}), (error) => error);
    console.log(JSON.stringify({ code, param, message }));
  `;
    // A process of its own, because a driver is chosen before the runtime starts. Here there is none to choose.
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], {
      env: { ...process.env, VK_DRIVER_FILES: "/nowhere.json", CUDA_VISIBLE_DEVICES: "" },
    });
    expect(JSON.parse(stdout)).toMatchObject({
      code: "gpu_unavailable",
      param: "PROVIDER",
      message: expect.stringContaining(`PROVIDER=${provider}`),
    });
  },
  120_000,
);
