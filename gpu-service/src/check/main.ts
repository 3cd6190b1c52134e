/** `npm run model -- check <directory | id> [--json]`: whether and how a model will run. Exit code 0 if it will. */
import { parseArgs } from "node:util";
import { ConfigError, readModelSettings } from "../config.ts";
import { checkNamedModel } from "./check-command.ts";
import { printReport } from "./print.ts";

const usage = `npm run model -- check [<directory> | <organisation/name[@revision]>] [--json]

Says whether and how a checkpoint will run, and how much memory it takes; of a model on the hub it downloads no weights.
Without a name it checks MODEL, else the bundled model. LORA, QUANTIZE, CONTEXT_TOKENS, ROWS and KV_BYTES count as at a start.

  --json    the report as JSON
  --help    this text`;

process.exitCode = await run(process.argv.slice(2));

async function run(args: string[]): Promise<number> {
  const parsed = read(args);
  if (parsed === null) {
    console.error(usage);
    return 1;
  }
  if (parsed.help) {
    console.log(usage);
    return 0;
  }
  try {
    const settings = readModelSettings(process.env);
    const report = await checkNamedModel(parsed.model ?? settings.MODEL, settings, {
      endpoint: settings.HF_ENDPOINT,
      token: settings.HF_TOKEN,
    });
    console.log(parsed.json ? JSON.stringify(report, null, 2) : printReport(report));
    return report.runs ? 0 : 1;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return 1;
  }
}

function read(args: string[]): { model: string | undefined; json: boolean; help: boolean } | null {
  try {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const [command, model, ...more] = positionals;
    if (!values.help && (command !== "check" || more.length > 0)) return null;
    return { model, json: values.json, help: values.help };
  } catch {
    return null;
  }
}
