/** The client as it is published: plain JavaScript with declarations that needs nothing of this repository. */
import { execFileSync, execSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const client = fileURLToPath(new URL("../../edge/client/", import.meta.url));
const app = mkdtempSync(join(tmpdir(), "rosa2-client-"));
const installed = join(app, "node_modules/rosa2");

/** Runs the one line of the readme in an app's folder. */
beforeAll(() => {
  const readme = readFileSync(join(client, "README.md"), "utf8");
  const [line = ""] = /^npm install .*npm pack.*$/m.exec(readme) ?? [];
  expect(line).toContain("path/to/rosa2");
  writeFileSync(join(app, "package.json"), '{ "type": "module" }');
  const root = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");
  execSync(line.replace("path/to/rosa2", root), { cwd: app, stdio: "pipe" });
});
afterAll(() => rmSync(app, { recursive: true, force: true }));

it("is packed as modules with declarations for Node 18 and later, and nothing else", () => {
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  expect(manifest).toMatchObject({ type: "module", engines: { node: ">=18" } });
  expect(manifest).not.toHaveProperty("dependencies");
  for (const { types, default: file } of Object.values<Record<string, string>>(manifest.exports)) {
    for (const path of [types, file]) expect(existsSync(join(installed, path!)), path).toBe(true);
  }
  expect(readdirSync(installed).toSorted()).toEqual(["README.md", "dist", "package.json"]);
});

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

/** Declares what the examples need of their platforms, so that the compiler checks how they use the client. */
const platform = `
declare const process: { env: Record<string, string | undefined> };
declare module "expo/fetch" { export const fetch: unknown; }
declare module "react" {
  export function useEffect(effect: () => (() => void) | void, inputs: unknown[]): void;
  export function useMemo<T>(make: () => T, inputs: unknown[]): T;
  export function useRef<T>(value: T): { current: T };
  export function useState<T>(value: T): [T, (next: T | ((before: T) => T)) => void];
}
declare module "react/jsx-runtime" {
  export namespace JSX {
    interface ElementChildrenAttribute { children: unknown }
    interface IntrinsicAttributes { key?: string | number }
    interface IntrinsicElements { [element: string]: Record<string, unknown> }
  }
  export const jsx: unknown;
  export const jsxs: unknown;
}
declare module "react-native" {
  type Part = (props: Record<string, unknown>) => null;
  export const ActivityIndicator: Part, KeyboardAvoidingView: Part, Pressable: Part, ScrollView: Part;
  export const Text: Part, TextInput: Part, View: Part;
  export const Platform: { OS: string };
  export const StyleSheet: { create<T>(styles: T): T };
}`;

it("types an app and the examples strictly, and rejects what the server would refuse", () => {
  const examples = ["quick-start.ts", "ChatScreen.tsx", "Chat.tsx"];
  for (const name of examples) copyFileSync(join(client, "examples", name), join(app, name));
  writeFileSync(join(app, "platform.d.ts"), platform);
  const source = (mode: string) => `import { Rosa2, type Turn } from "rosa2";
    const rosa2 = new Rosa2({ baseUrl: "", apiKey: "" });
    const session = await rosa2.createSession({ adaptation: { mode: "${mode}" } });
    export const turn: Turn = await session.ask("hello");`;
  const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
  const check = (mode: string) => {
    writeFileSync(join(app, "app.ts"), source(mode));
    const options = "--strict --noEmit --module nodenext --target es2022 --jsx react-jsx";
    const files = ["app.ts", "platform.d.ts", ...examples];
    execFileSync(process.execPath, [tsc, ...options.split(" "), "--types", "", ...files], {
      cwd: app,
      stdio: "pipe",
    });
  };
  check("both");
  expect(() => check("neither")).toThrow();
});

it("imports nothing but itself, and React for its hook alone", () => {
  const dist = join(installed, "dist");
  const imports = readdirSync(dist)
    .filter((name) => name.endsWith(".js"))
    .flatMap((name) =>
      [...readFileSync(join(dist, name), "utf8").matchAll(/from "([^"]+)"/g)].map(
        ([, from]) => `${name} ${from}`,
      ),
    );
  expect(imports.length).toBeGreaterThan(5);
  expect(imports.filter((one) => !/ \.\/[\w-]+\.js$/.test(one))).toEqual(["react.js react"]);
});

/** Anybody could publish under a name that nobody has taken. */
it("is not said to be on npm anywhere", () => {
  const files = execSync("git ls-files -- '*.md' '*.ts' '*.tsx' '*.sh' '*.swift' '*.kt'", {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    encoding: "utf8",
  }).split("\n");
  const said = files.filter((file) => {
    const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
    if (file === "" || file.startsWith("test/") || !existsSync(path)) return false;
    return /npm (install|i|add) rosa2\b|npm publish|npx rosa2/.test(readFileSync(path, "utf8"));
  });
  expect(said).toEqual([]);
});

it("has the types that the routes' schemas give, and the reference shows the examples unchanged", () => {
  execFileSync(process.execPath, [join(client, "generator/generate.ts"), "--check"]);
});
