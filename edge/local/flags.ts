/** Flags of a command: reads them, prints the help that was asked for. Knows no command. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { Failure } from "./failure.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * The values of the flags in `args`. With `--help` it prints `usage` and ends the process with 0.
 *
 * Throws `Failure` with the usage for a flag that does not exist or lacks its value.
 */
export function readFlags<O extends Options>(
  usage: string,
  options: O,
  args: readonly string[] = process.argv.slice(2),
) {
  const help = { type: "boolean", short: "h" } as const;
  let values: ReturnType<
    typeof parseArgs<{ args: string[]; options: O & { help: typeof help } }>
  >["values"];
  try {
    values = parseArgs({ args: [...args], options: { ...options, help } }).values;
  } catch (error) {
    throw new Failure(`${(error as Error).message}\n\n${usage}`);
  }
  if ((values as { help?: boolean }).help) {
    console.log(usage);
    process.exit(0);
  }
  return values;
}

/** The same for a command without anything to clean up: a flag that does not exist ends the process with 1. */
export function readFlagsOrExit<O extends Options>(
  usage: string,
  options: O,
  args?: readonly string[],
) {
  try {
    return readFlags(usage, options, args);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    return process.exit(1);
  }
}
