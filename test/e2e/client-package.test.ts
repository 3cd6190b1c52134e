/** The client as it is published: plain JavaScript with declarations that needs nothing of this repository. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const client = fileURLToPath(new URL("../../edge/client/", import.meta.url));
const app = mkdtempSync(join(tmpdir(), "rosa2-client-"));
const installed = join(app, "node_modules/rosa2");

beforeAll(() => {
  mkdirSync(installed, { recursive: true });
  execFileSync(process.execPath, [join(client, "build.ts"), installed]);
});
afterAll(() => rmSync(app, { recursive: true, force: true }));

it("runs where only the package is installed", () => {
  const program = join(app, "app.mjs");
  writeFileSync(
    program,
    `import { Rosa2, Rosa2Error } from "rosa2";
     const rosa2 = new Rosa2({ baseUrl: "http://127.0.0.1:1", apiKey: "x", retriesMax: 0 });
     const failure = await rosa2.health().catch((error) => error);
     console.log(failure instanceof Rosa2Error, failure.code);`,
  );
  const printed = execFileSync(process.execPath, [program], { encoding: "utf8", cwd: app });
  expect(printed.trim()).toBe("true connection_failed");
});

it("types an app strictly, and refuses what the server would refuse", () => {
  const source = (mode: string) => `import { Rosa2, type Turn } from "rosa2";
    const rosa2 = new Rosa2({ baseUrl: "", apiKey: "" });
    const session = await rosa2.createSession({ adaptation: { mode: "${mode}" } });
    export const turn: Turn = await session.ask("hello");`;
  const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
  const check = (mode: string) => {
    writeFileSync(join(app, "app.ts"), source(mode));
    const options = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022"];
    execFileSync(process.execPath, [tsc, ...options, "--types", "", "app.ts"], {
      cwd: app,
      stdio: "pipe",
    });
  };
  writeFileSync(join(app, "package.json"), '{ "type": "module" }');
  check("both");
  expect(() => check("neither")).toThrow();
});

it("has no dependencies and imports nothing but itself", () => {
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as object;
  expect(manifest).not.toHaveProperty("dependencies");
  const imports = readdirSync(installed)
    .filter((name) => name.endsWith(".js"))
    .flatMap((name) => [...readFileSync(join(installed, name), "utf8").matchAll(/from "([^"]+)"/g)])
    .map(([, from]) => from);
  expect(imports.length).toBeGreaterThan(5);
  expect(imports.filter((from) => !/^\.\/[\w-]+\.js$/.test(from ?? ""))).toEqual([]);
});

it("has the types that the routes' schemas give", () => {
  execFileSync(process.execPath, [join(client, "generate.ts"), "--check"]);
});
