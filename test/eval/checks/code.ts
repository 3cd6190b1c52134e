/**
 * Code that must pass tests, run in a process of its own: without network, rights or environment, in an empty folder,
 * with bounded memory and time.
 *
 * It is confined by Linux' namespaces (`unshare`: no network, no rights), `prlimit`, and for JavaScript also by Node's
 * permission model, which allows no files. Python can read files that everybody on the machine can read.
 */
import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const codeLanguages = ["javascript", "python"] as const;
type CodeLanguage = (typeof codeLanguages)[number];

const secondsMax = 10;
const outputMax = 100_000;
const bytesMax: Record<CodeLanguage, number> = { javascript: 0, python: 1 << 30 };

/** The command that reads a program from its input. */
const interpreters: Record<CodeLanguage, readonly string[]> = {
  javascript: [
    process.execPath,
    "--permission",
    "--max-old-space-size=256",
    "--input-type=module",
    "-",
  ],
  python: ["python3", "-I", "-"],
};
/** Code after the tests that shows that they were reached: an early exit does not count as a pass. */
const endings: Record<CodeLanguage, (mark: string) => string> = {
  javascript: (mark) => `\nconsole.log(${JSON.stringify(`\n${mark}`)});`,
  python: (mark) => `\nprint(${JSON.stringify(`\n${mark}`)})`,
};

/**
 * Whether the code of a reply passes the tests: program and tests run one after the other.
 *
 * @throws Error where processes cannot be confined, or the language is not installed.
 */
export function codeCheck(
  tests: string,
  language: CodeLanguage,
): (reply: string) => Promise<boolean> {
  assertSandbox(language);
  return (reply) => passes(`${codeOf(reply)}\n${tests}`, language);
}

/** The last fenced block of a reply, or all of it. */
export function codeOf(reply: string): string {
  return [...reply.matchAll(/```[\w+-]*\n([\s\S]*?)```/gu)].at(-1)?.[1] ?? reply;
}

async function passes(program: string, language: CodeLanguage): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "rosa2-eval-code-"));
  const mark = randomUUID();
  try {
    const [command, ...args] = shutIn(language);
    const child = spawn(command!, args, {
      cwd: folder,
      env: { PATH: process.env.PATH },
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      if (output.length < outputMax) output += chunk;
    });
    // A program that ends early leaves its input unread.
    child.stdin.on("error", () => {});
    child.stdin.end(program + endings[language](mark));
    const timer = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), secondsMax * 1000);
    const code = await new Promise<number | null>((resolve) => {
      child.once("error", () => resolve(null));
      child.once("close", resolve);
    });
    clearTimeout(timer);
    return code === 0 && output.trimEnd().endsWith(mark);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function shutIn(language: CodeLanguage): string[] {
  const bytes = bytesMax[language];
  const limits = [`--cpu=${secondsMax}`, "--fsize=1000000", ...(bytes ? [`--as=${bytes}`] : [])];
  return [
    ...["unshare", "--user", "--net", "--map-root-user"],
    ...["prlimit", ...limits],
    ...interpreters[language],
  ];
}

const known = new Map<CodeLanguage, string | null>();

function assertSandbox(language: CodeLanguage): void {
  if (!known.has(language)) {
    const [command, ...args] = shutIn(language);
    const { status, error } = spawnSync(command!, args, { input: "", timeout: 30_000 });
    known.set(language, status === 0 ? null : (error?.message ?? `it ended with ${status}`));
  }
  const problem = known.get(language);
  if (problem != null) {
    throw new Error(
      `${language} cannot be confined here (${problem}): "code" needs Linux with unshare and prlimit, and the language itself`,
    );
  }
}
