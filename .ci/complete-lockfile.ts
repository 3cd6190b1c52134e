/**
 * Adds to package-lock.json the optional platform packages that `npm install` left out.
 *
 * A registry mirror that lacks, say, the Windows build of a tool makes npm write a lockfile without it,
 * and `npm ci` (npm 11) then calls that lockfile out of sync. The missing entries are written from what
 * the dependent package declares; npm fetches one only on the platform it is for. It never asks a
 * registry, so an entry's platform is read from its name.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface LockEntry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}
type Packages = Record<string, LockEntry>;

const systems: Record<string, string> = {
  aix: "aix",
  android: "android",
  darwin: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  netbsd: "netbsd",
  openbsd: "openbsd",
  openharmony: "openharmony",
  sunos: "sunos",
  win32: "win32",
  windows: "win32",
};
const processors: Record<string, string> = {
  "64": "x64",
  arm: "arm",
  arm64: "arm64",
  ia32: "ia32",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  x64: "x64",
};

const lockfile = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(lockfile, "utf8")) as { packages: Packages };
const missing = missingEntries(lock.packages);

if (process.argv.includes("--check")) {
  for (const path of Object.keys(missing)) console.error(`package-lock.json lacks ${path}`);
  if (Object.keys(missing).length > 0) {
    console.error("Run `npm run lockfile` and commit package-lock.json.");
    process.exitCode = 1;
  }
} else {
  const packages = { ...lock.packages, ...missing };
  const sorted = Object.fromEntries(
    Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, "en")),
  );
  writeFileSync(lockfile, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
  console.log(`Entries added to package-lock.json: ${Object.keys(missing).length}`);
}

/** An entry for every optional dependency that resolves to nothing. */
function missingEntries(packages: Packages): Packages {
  const added: Packages = {};
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(optionalDependencies)) {
      if (resolves(packages, path, name)) continue;
      added[`node_modules/${name}`] = {
        version: exactVersion(name, range),
        ...(dev ? { dev } : {}),
        optional: true,
        ...platformOf(name),
      };
    }
  }
  return added;
}

/** Whether a package finds a dependency in its own node_modules or in those of a folder above. */
function resolves(packages: Packages, from: string, name: string): boolean {
  for (let folder = from; ; ) {
    if (packages[folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`]) {
      return true;
    }
    if (folder === "") return false;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")));
  }
}

function exactVersion(name: string, range: string): string {
  if (/^\d+\.\d+\.\d+[-+.\w]*$/.test(range)) return range;
  throw new Error(`Cannot lock ${name}: "${range}" is a range, not a version`);
}

/** The platform a package is for, read from its name: `tool-linux-arm64-musl`. */
function platformOf(name: string): Pick<LockEntry, "os" | "cpu" | "libc"> {
  const words = (name.split("/").at(-1) ?? name).split("-");
  const find = (names: Record<string, string>) =>
    words.map((word) => names[word]).find((value) => value !== undefined);
  const os = find(systems);
  const cpu = find(processors);
  const libc = words.some((word) => word.startsWith("musl"))
    ? "musl"
    : words.some((word) => word.startsWith("gnu")) && os === "linux"
      ? "glibc"
      : undefined;
  if (os === undefined || cpu === undefined) {
    throw new Error(`Cannot tell from its name which platform ${name} is for`);
  }
  return { os: [os], cpu: [cpu], ...(libc ? { libc: [libc] } : {}) };
}
