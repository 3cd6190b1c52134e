/** Runs wrangler with one environment of one configuration. It knows the command line, not its purpose. */
import { spawn } from "node:child_process";
import { Failure } from "../../shared/command/failure.ts";
import { rootPath } from "../local/settings.ts";
import { wranglerScript } from "../local/wrangler-script.ts";

export interface Ended {
  code: number;
  /** Standard output. */
  output: string;
  /** All of its output: with --json some errors are in standard output. */
  complaint: string;
}

export class Wrangler {
  /** Run by Node. */
  readonly #script = process.env.ROSA2_WRANGLER || wranglerScript;
  readonly #scope: readonly string[];

  constructor({ configPath, environment }: { configPath: string; environment: string }) {
    this.#scope = ["--config", configPath, "--env", environment];
  }

  /** Runs a command to its end without questions; `extra` are variables of its environment. */
  async try(args: readonly string[], extra: Record<string, string> = {}): Promise<Ended> {
    const child = spawn(process.execPath, [this.#script, ...args, ...this.#scope], {
      cwd: rootPath,
      env: {
        ...process.env,
        NO_COLOR: "1",
        FORCE_COLOR: undefined,
        WRANGLER_HIDE_BANNER: "true",
        WRANGLER_SEND_METRICS: "false",
        ...extra,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [output, errors, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      new Promise<number>((done) => child.on("close", (code) => done(code ?? 1))),
    ]);
    return { code, output, complaint: `${errors}\n${output}`.trim() };
  }

  /** Like `try`, and throws `Failure` with what wrangler said when it fails. */
  async run(args: readonly string[], extra: Record<string, string> = {}): Promise<string> {
    const { code, output, complaint } = await this.try(args, extra);
    if (code !== 0) throw new Failure(`wrangler ${args.join(" ")} failed (${code}):\n${complaint}`);
    return output;
  }

  /** Rows that one SQL command answers with on the deployed database. */
  async query<Row>(sql: string): Promise<Row[]> {
    const args = ["d1", "execute", "DB", "--remote", "--yes", "--json", "--command", sql];
    const answers = parseJson<{ results: Row[] }[]>(await this.run(args), "d1 execute");
    return answers.flatMap(({ results }) => results);
  }
}

/** Throws `Failure` that names the command when its output is not JSON. */
export function parseJson<T>(output: string, command: string): T {
  try {
    return JSON.parse(output) as T;
  } catch {
    throw new Failure(`wrangler ${command} answered no JSON:\n${output.trim()}`);
  }
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += String(chunk);
  return all;
}
