/** Flags of the training commands: `--help` and a flag that does not exist print the usage and end the process. */
import { type ParseArgsConfig, parseArgs } from "node:util";

/** `parseArgs` on the arguments of the process. */
export function readFlags<T extends ParseArgsConfig>(usage: string, config: T) {
  if (process.argv.some((argument) => argument === "--help" || argument === "-h")) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exit(1);
  }
}
