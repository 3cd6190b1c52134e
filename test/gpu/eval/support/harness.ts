/** Runs the evaluation's cells against the fake, without a terminal. */
import { join } from "node:path";
import { Api } from "../../../eval/api.ts";
import { type Cell, openSuites, planCells } from "../../../eval/cells.ts";
import { Journal, type SessionRecord } from "../../../eval/journal.ts";
import { meansOf, rowsOf } from "../../../eval/results.ts";
import { type RunContext, runCells } from "../../../eval/run.ts";
import { readSettings, type Settings } from "../../../eval/settings.ts";
import { drawSuiteSession, type SuiteName } from "../../../eval/suites.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { FakeApi, fakeKey, type Known } from "./fake-api.ts";

export function settingsOf(line: string): Settings {
  const settings = readSettings(line.split(" ").filter((word) => word !== ""));
  if (settings === null) throw new Error(`"${line}" asks for the help`);
  return settings;
}

export function temporaryFile(name: string): string {
  return join(temporaryFolder(), name);
}

/** What the fake must know to hold the suites of some settings. */
export function answersTo(settings: Settings): Map<string, Known> {
  const known = new Map<string, Known>();
  for (const name of settings.suites as SuiteName[]) {
    for (const seed of settings.seeds) {
      for (let index = 0; index < settings.sessions; index++) {
        const length = name.startsWith("WORD") ? settings.teach * 2 : settings.length;
        const { wording, probes: probeCount } = settings;
        const plan = drawSuiteSession(name, { seed, index, length, wording, probeCount });
        for (const { request, correction } of plan.problems) {
          known.set(request, {
            answer: correction!,
            isAmbiguous: ["ONE", "AMB", "MIX", "THREEA"].includes(name),
            isHard: !["ONE", "AMB", "EASY"].includes(name),
          });
        }
        // The fake has no answers to probes, so it can forget nothing.
      }
    }
  }
  return known;
}

export interface Held {
  journal: Journal;
  finished: SessionRecord[];
}

/** Holds the sessions that the journal lacks. */
export async function holdSessions(
  url: string,
  settings: Settings,
  journalPath: string,
  signal: AbortSignal = new AbortController().signal,
  onSession: (record: SessionRecord) => void = () => {},
): Promise<Held> {
  const finished: SessionRecord[] = [];
  const keep = (record: SessionRecord) => {
    finished.push(record);
    onSession(record);
  };
  const cells = planCells(settings, openSuites(settings));
  const journal = await holdCells(url, settings, cells, journalPath, { signal, onSession: keep });
  return { journal, finished };
}

export async function holdCells(
  url: string,
  settings: Settings,
  cells: readonly Cell[],
  journalPath: string,
  watched: Partial<Pick<RunContext, "signal" | "onSession" | "meter">> = {},
): Promise<Journal> {
  const api = new Api({ url, key: fakeKey, backoffMs: 1 });
  const journal = new Journal(journalPath, settings, "fake-student");
  await runCells(cells, {
    ...{ api, model: "fake-student", settings, journal },
    ...{ meter: null, signal: new AbortController().signal, onSession: () => {} },
    ...watched,
  });
  return journal;
}

export function meansUnder(settings: Settings, { journal }: Held) {
  const rows = rowsOf(planCells(settings, openSuites(settings)), journal.sessions, journal.meters);
  return { rows, means: meansOf(rows) };
}

export { FakeApi };
