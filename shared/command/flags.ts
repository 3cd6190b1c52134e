/** Flags of a command: reads them, and prints its help on request. It knows no command. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { Failure } from "./failure.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * The values of the flags in `args`. With `--help` it prints `usage` and ends the process with 0.
 *
 * Throws `Failure` with the usage for an unknown flag, or one without its value.
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

/** As `readFlags`, for a command without clean-up: an unknown flag ends the process with 1. */
export function readFlagsOrExit<O extends Options>(
  usage: string,
  options: O,
  args?: readonly string[],
) {
  return orExit(() => readFlags(usage, options, args));
}

/** What `read` gives; its `Failure` is printed and ends the process with 1. */
export function orExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    return process.exit(1);
  }
}

/** A flag's value from a closed set. Throws `Failure` for any other. */
export function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new Failure(`${flag} "${value}" is none of ${allowed.join(", ")}`);
  return found;
}

/** A flag's value as a whole number of at most nine digits. Throws `Failure` for other text, or a number below `min`. */
export function wholeNumber(flag: string, text: string, min = 1): number {
  if (/^\d{1,9}$/.test(text) && Number(text) >= min) return Number(text);
  throw new Failure(`${flag} "${text}" is not a whole number of at least ${min}`);
}
