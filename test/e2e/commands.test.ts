/** The help of each command, and its answer to a flag that it does not have. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { refusal, satisfies } from "../../edge/local/after-install.mjs";
import { rootPath } from "../../edge/local/settings.ts";

const { scripts, engines } = JSON.parse(readFileSync(join(rootPath, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
  engines: { node: string; npm: string };
};
/** The scripts that run with Node. The lockfile's repair is left out, because it calls npm. */
const commands = Object.keys(scripts).filter(
  (name) => /^(exec )?node \S+\.ts$/.test(scripts[name] ?? "") && name !== "lockfile",
);

/** Runs the script of package.json without npm, as npm would. */
function run(command: string, ...args: string[]) {
  const [file = ""] = /[\w./-]+\.ts$/.exec(scripts[command] ?? "") ?? [];
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
    cwd: rootPath,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("every command", () => {
  it.each(commands)("%s prints its flags for --help", (command) => {
    const { status, stdout, stderr } = run(command, "--help");
    expect(stderr).toBe("");
    expect(stdout).toContain(`npm run ${command}`.replace("npm run start", "npm start"));
    expect(stdout).toMatch(/--\w+/);
    expect(status).toBe(0);
  });

  it.each(commands)("%s refuses a flag that it does not have, without a stack", (command) => {
    const { status, stderr } = run(command, "--unheard-of");
    expect(status).toBe(1);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(stderr).toMatch(/--unheard-of|npm run model -- check/);
  });
});

describe("the check of npm and Node at install", () => {
  const agent = (npm: string, node: string) =>
    `npm/${npm} node/v${node} linux x64 workspaces/false`;

  // Measured with these versions of the packages `node` and `npm`: whether `npm ci` left out native parts.
  it.each([
    ["10.1.0", "20.9.0"],
    ["10.8.2", "20.18.0"],
  ])("refuses npm %s on Node %s in a sentence", (npm, node) => {
    expect(refusal(agent(npm, node), engines)).toContain(
      `rosa2 cannot be installed with Node ${node}`,
    );
  });

  it.each([
    ["10.8.2", "20.19.0"],
    ["11.19.1", "20.20.2"],
    ["11.19.1", "22.12.0"],
    ["12.2.2", "26.10.0"],
  ])("takes npm %s on Node %s", (npm, node) => {
    expect(refusal(agent(npm, node), engines)).toBeNull();
  });

  it("refuses an npm before 10", () => {
    expect(refusal(agent("9.9.4", "22.12.0"), engines)).toContain("with npm 9.9.4");
  });

  it.each([
    ["21.7.3", false],
    ["22.11.9", false],
    ["22.12.0", true],
    ["23.0.0", true],
    ["30.0.0", true],
  ])("reads the range: Node %s is in it: %s", (version, isIn) => {
    expect(satisfies(version, "^20.19.0 || >=22.12.0")).toBe(isIn);
  });

  it("ends `npm ci` with that sentence", () => {
    const { status, stderr } = spawnSync(process.execPath, ["edge/local/after-install.mjs"], {
      cwd: rootPath,
      encoding: "utf8",
      env: { ...process.env, npm_config_user_agent: agent("10.8.2", "20.18.0") },
    });
    expect(stderr.trim()).toBe(refusal(agent("10.8.2", "20.18.0"), engines));
    expect(status).toBe(1);
  });
});
