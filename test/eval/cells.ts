/** The plan of a run: one cell for each condition, suite and seed, and how each session of it is drawn. */
import { basename } from "node:path";
import { seededRandom, shuffled } from "@rosa2/shared/random";
import type { ConditionName } from "./conditions.ts";
import { readJsonlSuite } from "./jsonl-suite.ts";
import { openPreset, type PresetSuite } from "./preset.ts";
import type { Protocol, SessionPlan } from "./problem.ts";
import type { Settings } from "./settings.ts";
import {
  drawSuiteSession,
  type GeneratedSuite,
  type Place,
  type SuiteName,
  suites,
} from "./suites.ts";

export interface SuiteSource {
  name: string;
  place: Place | null;
  protocol: Protocol;
  sessionCount: number;
  /** Problems of a file that no check can judge. */
  leftOut: number;
  /** The same session for the same seed and index, whatever else runs. */
  draw(seed: number, index: number): SessionPlan;
}

export interface Cell {
  condition: ConditionName;
  suite: SuiteSource;
  seed: number;
}

/**
 * Every cell. The outermost loop is over conditions, and those that adapt come last. So the memory of the service in
 * cells without adaptation holds nothing from earlier updates.
 */
export function planCells(settings: Settings, sources: readonly SuiteSource[]): Cell[] {
  return settings.conditions.flatMap((condition) =>
    sources.flatMap((suite) => settings.seeds.map((seed) => ({ condition, suite, seed }))),
  );
}

/** @throws Failure for a suite file that cannot be used. */
export function openSuites(settings: Settings): SuiteSource[] {
  if (settings.preset !== null) {
    return openPreset(settings.data!).map((suite) => ownSource(suite, settings));
  }
  return settings.suites.map((name) =>
    name.endsWith(".jsonl")
      ? ownSource(
          { name: basename(name, ".jsonl"), sessions: readJsonlSuite(name), leftOut: 0 },
          settings,
        )
      : generatedSource(name as SuiteName, settings),
  );
}

function generatedSource(name: SuiteName, settings: Settings): SuiteSource {
  const suite: GeneratedSuite = suites[name];
  const { place, isWord } = suite;
  const telling = "telling" in suite ? suite.telling : undefined;
  const isLost = telling !== undefined;
  const protocol = isWord
    ? wordProtocol(settings)
    : { ...protocolOf(settings), corrections: settings.corrections && !isLost };
  const length = isLost ? 1 : isWord ? settings.teach * 2 || 1 : settings.length;
  return {
    name,
    place,
    protocol,
    sessionCount: settings.sessions,
    leftOut: 0,
    draw: (seed, index) =>
      drawSuiteSession(name, {
        seed,
        index,
        length,
        wording: settings.wording,
        probeCount: settings.probes,
      }),
  };
}

/** A seed takes its own sample of a file's sessions; within a session the order stays. */
function ownSource({ name, sessions, leftOut }: PresetSuite, settings: Settings): SuiteSource {
  return {
    name,
    place: null,
    protocol: protocolOf(settings),
    leftOut,
    sessionCount: Math.min(settings.sessions, sessions.length),
    draw: (seed, index) => shuffled(seededRandom(`${seed}/${name}`), sessions)[index]!,
  };
}

function protocolOf({ protocol, tries, corrections }: Settings): Protocol {
  return { name: protocol, triesMax: tries, corrections, silentFrom: null };
}

/** One try at each use. While the word is taught, a wrong reply is corrected; then the user gives no feedback. */
function wordProtocol({ teach }: Settings): Protocol {
  return { name: "word", triesMax: 1, corrections: true, silentFrom: teach };
}
