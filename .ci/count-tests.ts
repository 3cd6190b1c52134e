/**
 * Prints one line that counts the tests of a vitest JSON report: `N passed, N failed`, with `, N skipped` if any.
 *
 * Fails when a test did, when a file could not be loaded (that counts as one failed), or when nothing ran.
 */
import { existsSync, readFileSync } from "node:fs";

interface Report {
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

const file = process.argv[2];
if (file === undefined) throw new Error("Give the path of a report");
const { testResults }: Report = existsSync(file)
  ? JSON.parse(readFileSync(file, "utf8"))
  : { testResults: [] };

const statuses = testResults.flatMap(({ status, assertionResults }) =>
  assertionResults.length === 0 && status === "failed"
    ? ["failed"]
    : assertionResults.map((result) => result.status),
);
const count = (...wanted: string[]) => statuses.filter((status) => wanted.includes(status)).length;
const passed = count("passed");
const failed = count("failed");
const skipped = count("skipped", "pending", "todo", "disabled");

console.log(`${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
