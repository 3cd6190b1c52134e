/**
 * The last step of `npm ci`: refuses a Node or npm that leaves parts out, then removes binaries of other platforms.
 *
 * npm runs it with whatever Node it has, and before anything here is known to work: plain JavaScript, no imports but
 * Node's own. The Node that npm itself runs on decides what npm installs, so that one is checked, not this one.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Native parts that npm can leave out without a word; what each is for. */
const nativeParts = {
  rolldown: "building the page",
  esbuild: "building the edge",
  workerd: "running the edge",
  "onnxruntime-node": "running the model",
};

/**
 * Whether a version satisfies a range of the form `^20.19.0 || >=22.12.0`, the only forms that are used here.
 *
 * @param {string} version
 * @param {string} range
 */
export function satisfies(version, range) {
  const [major, minor, patch] = numbers(version);
  return range.split("||").some((part) => {
    const wanted = numbers(part);
    const isLater =
      major > wanted[0] ||
      (major === wanted[0] && (minor > wanted[1] || (minor === wanted[1] && patch >= wanted[2])));
    return isLater && (!part.includes("^") || major === wanted[0]);
  });
}

/** @param {string} version */
function numbers(version) {
  return (version.match(/\d+/g) ?? []).slice(0, 3).map(Number);
}

/**
 * The sentence that refuses the Node of this npm, or null.
 *
 * @param {string | undefined} userAgent as npm sets it: `npm/11.19.1 node/v24.21.0 linux x64 …`
 * @param {{ node: string, npm: string }} engines
 */
export function refusal(userAgent, engines) {
  const [, npm] = /npm\/(\S+)/.exec(userAgent ?? "") ?? [];
  const [, node] = /node\/v?(\S+)/.exec(userAgent ?? "") ?? [];
  if (node !== undefined && !satisfies(node, engines.node)) {
    return `rosa2 cannot be installed with Node ${node}: npm leaves out native parts there. Install Node 22 or later (it needs ${engines.node}) and run npm ci again.`;
  }
  if (npm !== undefined && !satisfies(npm, engines.npm)) {
    return `rosa2 cannot be installed with npm ${npm}: it needs ${engines.npm}. Run npm install -g npm@11 and npm ci again.`;
  }
  return null;
}

/** Names of native parts that are installed but do not load, with the reason. */
async function brokenParts() {
  const broken = [];
  for (const [name, purpose] of Object.entries(nativeParts)) {
    if (!existsSync(join(root, "node_modules", name))) continue;
    try {
      await import(name);
    } catch (error) {
      const [reason] = String(error instanceof Error ? error.message : error).split("\n");
      broken.push(`${name} (${purpose}): ${reason}`);
    }
  }
  return broken;
}

/** Two thirds of what npm unpacks is for other platforms, or headers for building add-ons. */
function removeForeignFiles() {
  const modules = join(root, "node_modules");
  const runtime = join(modules, "onnxruntime-node/bin/napi-v6");
  for (const platform of list(runtime)) {
    for (const cpu of list(join(runtime, platform))) {
      const isOwn = platform === process.platform && cpu === process.arch;
      if (!isOwn) rmSync(join(runtime, platform, cpu), { recursive: true, force: true });
    }
  }
  const binaries = join(modules, "node/node_modules");
  for (const name of list(binaries).filter((entry) => /^node-\w+-\w+$/.test(entry))) {
    for (const part of ["include", "share"]) {
      rmSync(join(binaries, name, part), { recursive: true, force: true });
    }
  }
}

/** @param {string} folder */
function list(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const refused = refusal(process.env.npm_config_user_agent, engines);
  const broken = refused === null ? await brokenParts() : [];
  if (refused !== null) {
    console.error(`\n${refused}\n`);
    process.exitCode = 1;
  } else if (broken.length > 0) {
    console.error(
      `\nnpm left out native parts:\n  ${broken.join("\n  ")}\nRun npm ci without --omit=optional and --ignore-scripts, with npm 10 or later.\n`,
    );
    process.exitCode = 1;
  } else {
    removeForeignFiles();
  }
}
