/** Downloads from a hub on loopback, with failing networks, full disks and hostile files. */
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { RosaError } from "@rosa2/shared/errors";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { type ResolveOptions, resolveModel } from "../../../gpu-service/src/hub/resolve.ts";
import { HubServer, listedFile } from "../support/hub-server.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";

const model = "acme/tiny-1.5";
const weights = "model.safetensors";
let hub: HubServer;
let cache: string;
let files: Record<string, Uint8Array>;
const folders: string[] = [];

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "rosa2-hub-test-"));
  folders.push(folder);
  return folder;
}

beforeEach(async () => {
  hub = await new HubServer().listen();
  cache = temporaryFolder();
  const directory = writeRandomCheckpoint();
  folders.push(directory);
  files = Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]),
  );
});
afterEach(async () => {
  await hub.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const resolve = (name: string, options: Partial<ResolveOptions> = {}) =>
  resolveModel(name, { endpoint: hub.endpoint, cache, retryDelayMs: 1, ...options });

async function errorOf(action: Promise<unknown>): Promise<RosaError> {
  const error = await action.then(
    () => null,
    (error: unknown) => error as RosaError,
  );
  expect(error?.name).toBe("RosaError");
  return error!;
}

function allFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}
const parts = () => allFiles(cache).filter((name) => name.endsWith(".part"));
const blobs = () => join(cache, "hub", "acme--tiny-1.5", "blobs");
const checksumOf = (name: string) => {
  const { oid, lfs } = listedFile(name, files[name]!);
  return lfs?.oid ?? oid;
};
/** A part that another process left or is writing. */
function leavePart(name: string, bytes: Uint8Array, owner: string): string {
  mkdirSync(blobs(), { recursive: true });
  const path = join(blobs(), `${checksumOf(name)}.${owner}.part`);
  writeFileSync(path, bytes);
  return path;
}

describe("the value of MODEL", () => {
  it("uses a directory that exists, without asking any hub", async () => {
    const folder = temporaryFolder();
    expect(await resolve(folder)).toEqual({ directory: folder, id: null, commit: null });
    expect(hub.requests).toEqual([]);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("refuses a file", async () => {
    const path = join(temporaryFolder(), "model.safetensors");
    writeFileSync(path, "");
    expect(await errorOf(resolve(path))).toMatchObject({
      code: "checkpoint_invalid",
      message: expect.stringContaining("is not a directory"),
    });
  });

  it.each([
    "/nowhere/at/all",
    "./models/x",
    "../acme/tiny",
    "acme/../tiny",
    "acme/tiny/deeper",
    "tiny",
    "acme/",
    "acme/tiny@",
    "acme/tiny@../main",
    "acme/tiny@main?x=1",
    "https://huggingface.co/acme/tiny",
    "acme\\tiny",
    "~/tiny",
    ".acme/tiny",
  ])("says that %j is neither a directory nor an id, without asking any hub", async (name) => {
    expect(await errorOf(resolve(name))).toMatchObject({
      code: "checkpoint_invalid",
      param: "MODEL",
      message: expect.stringContaining(name),
    });
    expect(hub.requests).toEqual([]);
  });
});

describe("a download", () => {
  it("brings the files that the engine reads, and the checkpoint opens like the original", async () => {
    const commit = hub.commit(model, files);
    const { directory, ...rest } = await resolve(model);
    expect(rest).toEqual({ id: model, commit });
    expect(readdirSync(directory).sort()).toEqual(Object.keys(files).sort());
    for (const [name, bytes] of Object.entries(files))
      expect(readFileSync(join(directory, name)).equals(bytes)).toBe(true);
    expect(openCheckpoint(directory).parameterCount).toBeGreaterThan(0);
    expect(parts()).toEqual([]);
    expect(readdirSync(join(blobs(), "../snapshots"))).toEqual([commit]);
  });

  it("fetches nothing twice, and asks no hub at all when a commit is pinned", async () => {
    const commit = hub.commit(model, files);
    const first = await resolve(model);
    hub.requests.length = 0;
    expect(await resolve(model)).toEqual(first);
    expect(hub.requests.filter(({ from }) => from === "storage")).toEqual([]);
    expect(hub.requests.length).toBeGreaterThan(0);
    hub.requests.length = 0;
    expect(await resolve(`${model}@${commit}`)).toEqual(first);
    expect(hub.requests).toEqual([]);
  });

  it("follows a branch to its new commit and takes only what changed", async () => {
    const before = await resolveAfter(() => hub.commit(model, files));
    const config = new TextEncoder().encode(`${new TextDecoder().decode(files["config.json"])}\n`);
    hub.requests.length = 0;
    const after = await resolveAfter(() => hub.commit(model, { ...files, "config.json": config }));
    expect(after.directory).not.toBe(before.directory);
    expect(hub.requests.filter(({ from }) => from === "storage")).toHaveLength(1);
    expect(hub.contentRequests("config.json")).toHaveLength(1);
    expect(await resolve(`${model}@${before.commit}`)).toEqual(before);

    async function resolveAfter(change: () => void) {
      change();
      return resolve(model);
    }
  });

  it("takes a revision by name, also one with slashes", async () => {
    hub.commit(model, files);
    const other = hub.commit(
      model,
      { ...files, "generation_config.json": "{}" },
      {
        revision: "refs/pr/1",
      },
    );
    expect((await resolve(`${model}@refs/pr/1`)).commit).toBe(other);
    expect((await resolve(model)).commit).not.toBe(other);
  });

  it("serves the commit that a branch last had when the hub does not answer", async () => {
    hub.commit(model, files);
    const first = await resolve(model);
    const notes: string[] = [];
    const report = { ...silent, note: (text: string) => notes.push(text) };
    hub.refuseWith = 503;
    expect(await resolve(model, { report })).toEqual(first);
    expect(notes.join()).toContain(first.commit);
    // A refusal counts as an answer.
    hub.refuseWith = 403;
    expect((await errorOf(resolve(model))).code).toBe("insufficient_scope");
  });

  it("gives the token to the hub only, not to where it sends the download", async () => {
    hub.commit(model, files);
    hub.token = "hf_secret";
    await resolve(model, { token: "hf_secret" });
    for (const { from, authorization } of hub.requests)
      expect(authorization).toBe(from === "hub" ? "Bearer hf_secret" : undefined);
  });

  it("takes the shards that the index names, and no other copy of the weights", async () => {
    const shardNames = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const bytes = files[weights]!;
    const { [weights]: _, ...rest } = files;
    hub.commit(model, {
      ...rest,
      "model.safetensors.index.json": JSON.stringify({
        weight_map: { a: shardNames[0], b: shardNames[1], c: shardNames[0] },
      }),
      [shardNames[0]!]: bytes,
      [shardNames[1]!]: bytes.subarray(0, 5000),
      "consolidated.safetensors": bytes,
      "adapter_model.safetensors": bytes.subarray(0, 3000),
    });
    const { directory } = await resolve(model);
    const taken = readdirSync(directory).filter((name) => name.endsWith(".safetensors"));
    expect(taken.sort()).toEqual(shardNames);
  });

  it("reports bytes that add up to the whole, found or received", async () => {
    hub.commit(model, files);
    const cut = 100_000;
    leavePart(weights, files[weights]!.subarray(0, cut), `${hostname()}-${process.pid}`);
    let [found, received, total, stops] = [0, 0, 0, 0];
    await resolve(model, {
      report: {
        start: (_, bytes) => (total = bytes),
        found: (bytes) => (found += bytes),
        received: (bytes) => (received += bytes),
        stop: () => stops++,
        note: () => {},
      },
    });
    expect([found, received, stops]).toEqual([cut, total - cut, 1]);
    expect(total).toBe(files[weights]!.length);
  });

  it("lets two simultaneous requests end with the same directory", async () => {
    hub.commit(model, files);
    const script = `
      import { resolveModel } from ${JSON.stringify(new URL("../../../gpu-service/src/hub/resolve.ts", import.meta.url).href)};
      const { directory } = await resolveModel(${JSON.stringify(model)}, ${JSON.stringify({ endpoint: hub.endpoint, cache })});
      console.log(directory);`;
    const run = () => promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    const [one, two] = await Promise.all([run(), run()]);
    expect(one.stdout).toBe(two.stdout);
    expect(openCheckpoint(one.stdout.trim()).parameterCount).toBeGreaterThan(0);
    expect(parts()).toEqual([]);
  });
});

const silent = { start() {}, found() {}, received() {}, stop() {}, note() {} };

describe("a connection that breaks off", () => {
  const ranges = () => hub.contentRequests(weights).map(({ range }) => range);

  it("continues where it was cut, in the same run", async () => {
    hub.commit(model, files);
    // The files before the weights are complete.
    for (const _ of Object.keys(files).slice(1)) hub.cuts.push(Number.POSITIVE_INFINITY);
    hub.cuts.push(100_000, 50_000);
    const { directory } = await resolve(model);
    expect(readFileSync(join(directory, weights)).equals(files[weights]!)).toBe(true);
    const starts = ranges().map((range) => Number(range?.match(/^bytes=(\d+)-/)?.[1] ?? 0));
    expect(starts).toHaveLength(3);
    expect(starts[0]).toBe(0);
    expect(starts[1]).toBeGreaterThan(0);
    expect(starts[2]).toBeGreaterThan(starts[1]!);
  });

  it("continues in a later run, after giving up", async () => {
    hub.commit(model, files);
    await resolve(model, { attemptsMax: 1 }).catch(() => {});
    rmSync(cache, { recursive: true });
    hub.requests.length = 0;
    hub.cuts.push(
      ...Object.keys(files)
        .slice(1)
        .map(() => Number.POSITIVE_INFINITY),
      120_000,
    );
    const error = await errorOf(resolve(model, { attemptsMax: 1 }));
    expect(error).toMatchObject({ code: "gpu_unavailable", param: "MODEL" });
    expect(parts()).toHaveLength(1);
    hub.requests.length = 0;
    await resolve(model);
    const [range] = ranges();
    expect(range).toMatch(/^bytes=\d+-\d+$/);
    expect(Number(range?.match(/\d+/)?.[0])).toBeGreaterThan(10_000);
    expect(hub.contentRequests("tokenizer.json")).toEqual([]);
    expect(parts()).toEqual([]);
  });

  it("gives up after its attempts when nothing ever arrives", async () => {
    hub.commit(model, files);
    hub.failures.push(...Array.from({ length: 9 }, () => 502));
    const error = await errorOf(resolve(model, { attemptsMax: 3 }));
    expect(error).toMatchObject({ code: "gpu_unavailable" });
    expect(error.message).toContain("502");
    expect(hub.failures).toHaveLength(6);
  });

  it("counts failures from zero again whenever bytes arrive", async () => {
    hub.commit(model, files);
    hub.cuts.push(
      ...Object.keys(files)
        .slice(1)
        .map(() => Number.POSITIVE_INFINITY),
    );
    hub.cuts.push(...Array.from({ length: 6 }, () => 20_000));
    await expect(resolve(model, { attemptsMax: 2 })).resolves.toMatchObject({ id: model });
  });

  it("takes an idle connection for a lost one", async () => {
    hub.commit(model, files);
    hub.cuts.push(
      ...Object.keys(files)
        .slice(1)
        .map(() => Number.POSITIVE_INFINITY),
    );
    hub.stallAfter = 70_000;
    await resolve(model, { idleTimeoutMs: 300 });
    expect(ranges()).toHaveLength(2);
  });

  it("says that there is no hub", async () => {
    const endpoint = hub.endpoint;
    await hub.close();
    const error = await errorOf(
      resolveModel(model, { endpoint, cache, attemptsMax: 2, retryDelayMs: 1 }),
    );
    expect(error.code).toBe("gpu_unavailable");
    expect(error.message).toMatch(/ECONNREFUSED/);
    hub = await new HubServer().listen();
  });

  it("does not write bytes of another range than it asked for", async () => {
    hub.commit(model, files);
    leavePart(weights, files[weights]!.subarray(0, 50_000), `${hostname()}-${process.pid}`);
    hub.ignoresRange = true;
    const error = await errorOf(resolve(model));
    expect(error.code).toBe("gpu_unavailable");
    expect(error.message).toContain("status 200");
  });
});

describe("bytes that are not what the hub promised", () => {
  const flip = (bytes: Uint8Array) => {
    const copy = Uint8Array.from(bytes);
    copy[copy.length >> 1]! ^= 1;
    return copy;
  };

  it("are refused and removed: weights, by SHA-256", async () => {
    hub.commit(model, files);
    hub.corrupt = (name, bytes) => (name === weights ? flip(bytes) : bytes);
    const error = await errorOf(resolve(model));
    expect(error).toMatchObject({ code: "checkpoint_invalid", param: "MODEL" });
    expect(error.message).toContain(weights);
    expect(error.message).toContain(`expected ${checksumOf(weights)}`);
    expect(parts()).toEqual([]);
    expect(existsSync(join(blobs(), checksumOf(weights)))).toBe(false);
    hub.corrupt = (_, bytes) => bytes;
    await expect(resolve(model)).resolves.toMatchObject({ id: model });
  });

  it("are refused and removed: small files, by git's checksum", async () => {
    hub.commit(model, files);
    hub.corrupt = (name, bytes) => (name === "config.json" ? flip(bytes) : bytes);
    const error = await errorOf(resolve(model));
    expect(error.code).toBe("checkpoint_invalid");
    expect(error.message).toContain("config.json");
    expect(hub.contentRequests(weights)).toEqual([]);
    expect(parts()).toEqual([]);
  });

  it("are not blamed on the hub when an earlier run left them: the download starts again", async () => {
    hub.commit(model, files);
    const damaged = flip(files[weights]!.subarray(0, 60_000));
    leavePart(weights, damaged, `${hostname()}-${process.pid}`);
    const { directory } = await resolve(model);
    expect(readFileSync(join(directory, weights)).equals(files[weights]!)).toBe(true);
    expect(hub.contentRequests(weights)).toHaveLength(2);
  });

  it("are cut at the promised size", async () => {
    hub.commit(model, files);
    hub.corrupt = (name, bytes) =>
      name === weights ? Buffer.concat([bytes, Buffer.alloc(1_000_000)]) : bytes;
    const error = await errorOf(resolve(model));
    expect(error.code).toBe("checkpoint_invalid");
    expect(error.message).toContain(`more than the promised ${files[weights]!.length} bytes`);
    expect(parts()).toEqual([]);
  });
});

describe("parts of other processes", () => {
  it("are left alone while their owner writes, and taken over when it has stopped", async () => {
    hub.commit(model, files);
    const bytes = files[weights]!.subarray(0, 90_000);
    // The test's own parent is alive. Whether a process elsewhere is alive cannot be asked, so the age of its file
    // decides.
    const busy = [
      leavePart(weights, bytes, `${hostname()}-${process.ppid}`),
      leavePart(weights, bytes, "elsewhere-1"),
    ];
    await resolve(model);
    expect(hub.contentRequests(weights).map(({ range }) => range)).toEqual([undefined]);
    for (const path of busy) expect(existsSync(path)).toBe(true);

    rmSync(join(blobs(), checksumOf(weights)));
    rmSync(join(blobs(), "../snapshots"), { recursive: true });
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(busy[1]!, longAgo, longAgo);
    hub.requests.length = 0;
    await resolve(model);
    expect(hub.contentRequests(weights)[0]?.range).toMatch(/^bytes=90000-/);
    expect(existsSync(busy[0]!)).toBe(true);
    expect(existsSync(busy[1]!)).toBe(false);
  });
});

describe("a list of files that cannot be trusted", () => {
  it("brings nothing that was not asked for: paths, pickles, code", async () => {
    const evil = new TextEncoder().encode("evil");
    const names = [
      "../../../../evil.json",
      "/tmp/evil.json",
      "..\\evil.json",
      "C:evil.json",
      "sub/config.json",
      "sub/model.safetensors",
      "pytorch_model.bin",
      "modeling_evil.py",
      "tokenizer.model",
      "extra.json",
      ".hidden.json",
    ];
    hub.commit(model, files, {
      alsoListed: [
        ...names.map((name) => listedFile(name, evil)),
        null as unknown as object,
        { type: "directory", path: "config.json", size: 0, oid: "0".repeat(40) },
        { type: "file", path: 7, size: -1, oid: {} },
        { type: "file", path: "chat_template.jinja", size: 1, oid: "../../evil" },
      ],
    });
    const { directory } = await resolve(model);
    expect(readdirSync(directory).sort()).toEqual(Object.keys(files).sort());
    const asked = hub.paths.filter((path) => path.includes("/resolve/"));
    expect(asked.map((path) => path.split("/").at(-1)).sort()).toEqual(Object.keys(files).sort());
    expect(allFiles(cache).filter((name) => name.includes("evil"))).toEqual([]);
  });

  it.each(["../../evil.safetensors", "/etc/evil.safetensors", "sub/x.safetensors", "x.bin"])(
    "refuses an index that names %j",
    async (shard) => {
      const { [weights]: _, ...rest } = files;
      hub.commit(model, {
        ...rest,
        "model.safetensors.index.json": JSON.stringify({ weight_map: { a: shard } }),
        "x.bin": "evil",
      });
      expect((await errorOf(resolve(model))).code).toBe("checkpoint_invalid");
      expect(hub.contentRequests(shard)).toEqual([]);
    },
  );

  it("names a shard that the list lacks", async () => {
    const { [weights]: _, ...rest } = files;
    const index = JSON.stringify({ weight_map: { a: "model-1.safetensors" } });
    hub.commit(model, { ...rest, "model.safetensors.index.json": index });
    expect(await errorOf(resolve(model))).toMatchObject({
      code: "checkpoint_invalid",
      param: "model-1.safetensors",
    });
  });

  it("refuses a model of pickles by name, before fetching anything", async () => {
    const { [weights]: bytes, ...rest } = files;
    hub.commit(model, { ...rest, "pytorch_model.bin": bytes! });
    expect(await errorOf(resolve(model))).toMatchObject({
      code: "checkpoint_unsupported",
      param: "pytorch_model.bin",
    });
    expect(hub.requests.filter(({ from }) => from === "storage")).toEqual([]);
  });

  it("refuses a model that the engine cannot run before fetching its weights", async () => {
    const config = JSON.parse(new TextDecoder().decode(files["config.json"]));
    hub.commit(model, {
      ...files,
      "config.json": JSON.stringify({ ...config, hidden_act: "gelu" }),
    });
    expect(await errorOf(resolve(model))).toMatchObject({
      code: "checkpoint_unsupported",
      param: "hidden_act",
    });
    const { "chat_template.jinja": _, ...untemplated } = files;
    hub.commit(model, untemplated);
    expect(await errorOf(resolve(model))).toMatchObject({ param: "chat_template" });
    expect(hub.contentRequests(weights)).toEqual([]);
  });
});

describe("what a hub refuses", () => {
  it("names the model that is not there, and the revision that is not", async () => {
    hub.commit(model, files);
    const noModel = await errorOf(resolve("acme/other"));
    expect(noModel).toMatchObject({ code: "not_found", param: "MODEL" });
    expect(noModel.message).toContain('"acme/other"');
    const noRevision = await errorOf(resolve(`${model}@v9`));
    expect(noRevision.code).toBe("not_found");
    expect(noRevision.message).toContain("Invalid rev id: v9");
    expect(hub.requests).toHaveLength(2);
  });

  it("asks for a token, says when it is wrong, and never repeats it", async () => {
    hub.commit(model, files);
    hub.token = "hf_right";
    expect(await errorOf(resolve(model))).toMatchObject({
      code: "missing_key",
      param: "HF_TOKEN",
    });
    for (const token of ["hf_wrong", "wrong"]) {
      const error = await errorOf(resolve(model, { token }));
      expect(error).toMatchObject({ code: "invalid_key", param: "HF_TOKEN" });
      expect(error.message).not.toContain("wrong");
    }
  });

  it("says where a gated model's terms are", async () => {
    hub.commit(model, files);
    hub.failures.push(403);
    const error = await errorOf(resolve(model));
    expect(error.code).toBe("insufficient_scope");
    expect(error.message).toContain(`${hub.endpoint}/${model}`);
    expect(hub.failures).toEqual([]);
  });
});

describe("a full disk", () => {
  it("is noticed before the download", async () => {
    const { [weights]: bytes, ...rest } = files;
    const huge = listedFile(weights, bytes!);
    hub.commit(model, rest, {
      alsoListed: [{ ...huge, lfs: { ...huge.lfs!, size: 2 ** 52 } }],
    });
    const error = await errorOf(resolve(model));
    expect(error).toMatchObject({ code: "gpu_unavailable", param: "ROSA2_CACHE" });
    expect(error.message).toContain(`${2 ** 52} bytes are needed`);
    expect(hub.contentRequests(weights)).toEqual([]);
  });

  it.runIf(process.platform === "linux")("is told apart when it fills up meanwhile", async () => {
    hub.commit(model, files);
    mkdirSync(blobs(), { recursive: true });
    // Writing to this device fails with ENOSPC.
    const owner = `${hostname()}-${process.pid}`;
    symlinkSync("/dev/full", join(blobs(), `${checksumOf(weights)}.${owner}.part`));
    const error = await errorOf(resolve(model));
    expect(error).toMatchObject({ code: "gpu_unavailable", param: "ROSA2_CACHE" });
    expect(error.message).toContain("ENOSPC");
    expect(hub.contentRequests(weights)).toHaveLength(1);
  });
});
