/** The README's table of what rosa2 gains has the figures that the evaluation wrote. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  commandOfQuote,
  gainsOf,
  intervalOf,
  type Quoted,
  rowsOfQuote,
  tableHead,
} from "../eval/report/quote.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(root, "test/eval/quoted");
const readme = readFileSync(join(root, "README.md"), "utf8");
const commands = readFileSync(join(root, "test/eval/README.md"), "utf8");
const quotes = readdirSync(folder).map(
  (name): Quoted => JSON.parse(readFileSync(join(folder, name), "utf8")),
);

describe("what the README says that rosa2 gains", () => {
  it("has every cell that was run, and no other, with its figures", () => {
    const [, section = ""] = readme.split("## What it gains so far\n");
    const lines = section.split("\n## ")[0]!.split("\n");
    expect(lines.filter((line) => line.startsWith("|"))).toEqual([
      ...tableHead,
      ...quotes.flatMap(rowsOfQuote),
    ]);
    for (const { means } of quotes) expect(means.length).toBeGreaterThan(0);
  });

  it("has a row for every condition that was run", () => {
    for (const quote of quotes) expect(rowsOfQuote(quote)).toHaveLength(quote.means.length);
  });

  it("states the difference over all suites as the run measured it", () => {
    const main = quotes.filter(({ settings }) => settings.suites.includes("MIX"));
    expect(main).toHaveLength(1);
    for (const { paired } of main) {
      for (const { late_first_try } of paired.filter(
        ({ suite, than }) =>
          suite === "all" && ["words", "weights", "oracle_weights"].includes(than),
      )) {
        expect(readme).toContain(intervalOf(late_first_try!));
      }
    }
  });

  it.each([
    ["MIX4", "THREE4"],
    ["MIX", "THREEA"],
  ])(
    "says how much oftener both are right in %s and %s, with how many tries and what weights",
    (a, b) => {
      const quote = quotes.find(({ settings }) => settings.suites.includes(a))!;
      const [first, second] = [a, b].map((suite) => gainsOf(quote, [suite]));
      expect(readme).toContain(`right at once ${first!.late} % and ${second!.late} % more often`);
      expect(readme).toContain(`take ${first!.tries} % and ${second!.tries} % fewer tries`);
      const shifts = [a, b].map(
        (suite) => quote.comparisons.find((one) => one.suite === suite)!.shift_ratio!,
      );
      const [x, y] = shifts.map((shift) => shift.toFixed(2).replace(/^0/, ""));
      expect(readme).toMatch(new RegExp(`${x} and ${y} of (?:its|the) weight change`));
    },
  );

  it.each([
    ["MIX4", "THREE4"],
    ["MIX", "THREEA"],
  ])("says how much oftener both are right over %s and %s together", (a, b) => {
    const quote = quotes.find(({ settings }) => settings.suites.includes(a))!;
    expect(readme).toContain(`(${gainsOf(quote, [a, b]).late} % over both)`);
  });

  it.each([
    ["THREE4", "weights"],
    ["NOTEMIX", "weights"],
    ["NOTEMIX", "oracle_weights"],
    ["AMB", "words"],
    ["CAP", "weights"],
    ["UNTAUGHT", "weights"],
  ])("states the difference in %s to %s as the run measured it", (suite, than) => {
    const [found] = quotes.flatMap(({ paired }) =>
      paired.filter((one) => one.suite === suite && one.than === than),
    );
    const [, prose = ""] = readme.split("The commands are in [test/eval]");
    expect(prose).toContain(intervalOf(found!.late_first_try!));
  });

  it("says where an interval to a rival that is told nothing includes 0", () => {
    const told = ["oracle", "oracle_plan", "oracle_weights"];
    const [, prose = ""] = readme.split("- **Intervals of these five suites that include 0**");
    for (const suite of ["MIX4", "THREE4", "MIX", "THREEA", "NOTEMIX"]) {
      const rivals = quotes
        .flatMap(({ paired }) => paired)
        .filter((one) => one.suite === suite && !told.includes(one.than));
      expect(rivals.length).toBeGreaterThan(0);
      for (const { late_first_try } of rivals)
        if ((late_first_try?.low ?? 0) <= 0) expect(prose).toContain(intervalOf(late_first_try!));
    }
  });

  it("names the seeds and the sessions of the commands", () => {
    for (const quote of quotes) {
      expect(commands).toContain(commandOfQuote(quote));
      const { seeds } = quote.settings;
      expect(seeds).toHaveLength(seeds.at(-1)! - seeds[0]! + 1);
    }
  });
});
