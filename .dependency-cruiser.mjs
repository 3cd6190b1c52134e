/**
 * Which way imports may point, types included: no circles, and each room only to those below it. `npm run check`
 * fails on an import that breaks a rule.
 */

/** A rule: files under `from` import nothing under `to`; `except` names what they may import all the same. */
const never = (name, comment, from, to, except = []) => ({
  name,
  comment,
  severity: "error",
  from: { path: from },
  to: { path: to, pathNot: except },
});

const gpu = "^gpu-service/src/";

/** A rule of one room of the GPU service: of `gpu-service/src` it imports itself and `below`, nothing else. */
const room = (name, below, comment) =>
  never(`gpu-${name.replaceAll("/", "-")}`, comment, `${gpu}${name}/`, gpu, [
    `${gpu}${name}/`,
    ...below.map((other) => `${gpu}${other}${other.endsWith(".ts") ? "$" : "/"}`),
  ]);

export default {
  forbidden: [
    {
      name: "no-circles",
      comment: "Two files that need each other cannot be read, tested or started alone.",
      severity: "error",
      from: { path: "^(edge/src|gpu-service|shared)/" },
      to: { circular: true },
    },

    never(
      "shared-is-below",
      "shared is pure: both services stand on it.",
      "^shared/",
      "^(edge|gpu-service|test)/",
    ),
    never(
      "edge-knows-no-gpu-service",
      "They meet in shared/src/protocol.ts.",
      "^edge/src/",
      "^(gpu-service|test)/",
    ),
    never(
      "gpu-service-knows-no-edge",
      "They meet in shared/src/protocol.ts.",
      "^gpu-service/",
      "^(edge|test)/",
    ),
    never(
      "gpu-source-serves",
      "What is served knows neither how the bundled model is taught nor its language.",
      gpu,
      "^gpu-service/(?!src/)",
    ),

    room("disk", [], "Knows files, not what is in them."),
    room("tokenizer", [], "Knows text and ids, no model."),
    room("constrain", [], "Which tokens fit a reply's shape; knows no model."),
    room("checkpoint", ["disk", "release.ts"], "Files → config and tensors; computes nothing."),
    room("lora", ["checkpoint"], "Where an adapter's matrices sit."),
    room("compiler", ["checkpoint", "lora"], "Config → graphs; runs nothing."),
    room("compiler/ir", [], "Values and shapes stand below every operation."),
    room("compiler/ops", ["compiler/ir"], "An operation's rules know the IR alone."),
    room(
      "compiler/decoder",
      ["checkpoint", "lora", "compiler/ir"],
      "The decoder's parts know nothing of the graphs that use them.",
    ),
    room(
      "engine/batch",
      ["language-model.ts", "tokenizer", "checkpoint/model-config.ts"],
      "Batches ask a language model; how it computes is not theirs.",
    ),
    room(
      "engine/queue",
      ["constrain", "engine/batch", "language-model.ts", "tokenizer", "checkpoint/model-config.ts"],
      "The queue asks a language model; how it computes is not its affair.",
    ),
    room(
      "engine/model",
      ["language-model.ts", "compiler", "lora", "checkpoint", "disk", "joined.ts", "release.ts"],
      "The model over onnxruntime knows no requests.",
    ),
    room(
      "adapt",
      ["language-model.ts", "compiler", "lora", "checkpoint", "joined.ts", "release.ts"],
      "The update asks a language model; who serves it is not its affair.",
    ),
    room("hub", ["checkpoint", "disk", "tokenizer"], "Finds a checkpoint; serves nothing."),
    room(
      "http",
      ["engine/queue", "engine/batch/scheduler.ts", "config.ts"],
      "HTTP asks the engine.",
    ),
    never(
      "edge-store-below-session",
      "The tables know nothing of turns and feedback.",
      "^edge/src/session/store/",
      "^edge/src/session/(?!store/|policy/)",
    ),
    never(
      "edge-policy-is-pure",
      "Policy decides from what it is given: no store, no network, no session.",
      "^edge/src/session/policy/",
      "^edge/src/(session/(?!policy/)|accounts|adapters|gpu-client|http|routes)/",
    ),
    never(
      "edge-words-is-pure",
      "The words axis knows neither sessions nor money.",
      "^edge/src/words/",
      "^edge/src/(session|accounts|adapters|http|routes)/",
    ),
    never(
      "edge-contract-is-below",
      "Everything stands on the public schemas.",
      "^edge/src/contract/",
      "^edge/src/(session|accounts|adapters|gpu-client|http|routes|docs)/",
    ),
    never(
      "edge-session-knows-no-routes",
      "HTTP calls the session, never the other way.",
      "^edge/src/(session|accounts|adapters|gpu-client)/",
      "^edge/src/(routes|docs)/",
    ),

    never(
      "gpu-language-model",
      "The interface that both sides stand on.",
      `${gpu}language-model.ts$`,
      gpu,
    ),
  ],
  options: {
    // TypeScript 7 has no API for other programs yet. swc reads the same syntax and sees imports of types too; only
    // an inline `import("./file.ts").Type` escapes it.
    parser: "swc",
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "default"] },
  },
};
