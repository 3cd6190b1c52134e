/** What a deploy uploads: every environment bundles, stays under its size, and starts in time. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { unstable_readConfig } from "wrangler";
import { rootPath } from "../../edge/local/settings.ts";
import { wranglerScript } from "../../edge/local/wrangler-script.ts";

/** Small enough to start in milliseconds anywhere. */
const gzipKilobytesMax = 250;
/** Time that the platform gives a Worker's start: https://developers.cloudflare.com/workers/platform/limits/ */
const startMsMax = 1_000;

const run = promisify(execFile);

describe.each(["staging", "production"])("the Worker of %s", (environment) => {
  it(`bundles to at most ${gzipKilobytesMax} kB gzip`, async () => {
    const printed = await wrangler(["deploy", "--dry-run", "--env", environment]);
    const kibibytes = Number(printed.match(/gzip: ([\d.]+) KiB/)?.[1]);
    console.log(`Worker of ${environment}: ${kibibytes} KiB gzip`);
    expect((kibibytes * 1024) / 1000).toBeLessThanOrEqual(gzipKilobytesMax);
    expect(printed).toContain("env.AI");
  });

  it(`is busy for at most ${startMsMax} ms when it starts`, async () => {
    const printed = await wrangler(["check", "startup", `--args=--env ${environment}`]);
    const activeMs = Number(printed.match(/Active: ([\d.]+) ms/)?.[1]);
    console.log(`Worker of ${environment}: busy for ${activeMs} ms at its start`);
    expect(activeMs).toBeLessThanOrEqual(startMsMax);
  });

  it("has every binding that the Worker has locally", () => {
    const local = bindingNames(undefined);
    expect(local.length).toBeGreaterThan(3);
    expect(bindingNames(environment)).toEqual(local);
  });
});

/** Databases, buckets, objects and limiters, with the limit of each limiter. */
function bindingNames(env: string | undefined): string[] {
  const config = unstable_readConfig(
    { config: `${rootPath}wrangler.toml`, ...(env === undefined ? {} : { env }) },
    { hideWarnings: true },
  );
  return [
    ...config.d1_databases.map(({ binding }: { binding: string }) => binding),
    ...config.r2_buckets.map(({ binding }: { binding: string }) => binding),
    ...config.durable_objects.bindings.map((object: { name: string }) => object.name),
    ...config.ratelimits.map((limiter: { name: string; simple: object }) =>
      JSON.stringify([limiter.name, limiter.simple]),
    ),
  ].toSorted();
}

/** Standard output of a command. Its files go into a temporary folder. */
async function wrangler(args: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "rosa2-bundle-"));
  try {
    const files =
      args[0] === "deploy" ? ["--outdir", folder] : ["--outfile", join(folder, "profile")];
    const { stdout } = await run(process.execPath, [wranglerScript, ...args, ...files], {
      cwd: rootPath,
      env: {
        ...process.env,
        NO_COLOR: "1",
        FORCE_COLOR: undefined,
        CLOUDFLARE_CF_FETCH_ENABLED: "false",
        WRANGLER_LOG_PATH: folder,
        WRANGLER_SEND_METRICS: "false",
      },
    });
    return stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
