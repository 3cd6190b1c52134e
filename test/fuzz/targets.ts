/**
 * What is fuzzed: every parser that reads bytes of strangers, each as a function of bytes. It gives true for what it takes
 * and false for what it refuses with a typed error; whatever it throws is a finding. It knows no fuzzer.
 */
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import { generateRequestSchema } from "@rosa2/shared/protocol";
import { Hono } from "hono";
import { Rosa2Error } from "../../edge/client/src/errors.ts";
import { readSse } from "../../edge/client/src/sse.ts";
import { readEventId, readSessionCursor } from "../../edge/src/cursors.ts";
import { readAdapter } from "../../gpu-service/src/adapt/adapter-file.ts";
import { openCheckpoint } from "../../gpu-service/src/checkpoint/checkpoint.ts";
import { parseJson } from "../../gpu-service/src/checkpoint/json.ts";
import { readModelConfig } from "../../gpu-service/src/checkpoint/model-config.ts";
import { openSafetensors } from "../../gpu-service/src/checkpoint/safetensors.ts";
import { readWeightIndex } from "../../gpu-service/src/checkpoint/weight-files.ts";
import { readBody } from "../../gpu-service/src/http/body.ts";
import { Template } from "../../gpu-service/src/tokenizer/jinja/template.ts";
import { ChatTokenizer, type TokenizerFiles } from "../../gpu-service/src/tokenizer/tokenizer.ts";
import { TookTooLong, withinTime } from "../../gpu-service/src/tokenizer/within-time.ts";

export type Target = (bytes: Uint8Array<ArrayBuffer>) => boolean | Promise<boolean>;

const { config } = openCheckpoint(join(import.meta.dirname, "../gpu/fixtures/llama"));
const base = { config, digest: "0".repeat(64) };
const messages = [
  { role: "system" as const, content: "Be brief." },
  { role: "user" as const, content: "Größe 42?\n  if (x) <b>y</b> <|end|> 日本" },
];

export const targets: Record<string, Target> = {
  safetensors: refusing((bytes) => {
    const file = openSafetensors(bytes);
    for (const name of file.names) {
      const { byteLength } = file.info(name);
      if (file.read(name).length !== byteLength) throw new Error(`"${name}" has another length`);
      file.readFloat32(name);
    }
  }),

  adapter: refusing((bytes) => {
    const { B } = readAdapter(base, bytes);
    if (!B.every(Number.isFinite)) throw new Error("numbers that are not finite were taken");
  }),

  config: refusing((bytes) => {
    const [model = "", generation] = text(bytes).split("\0");
    readModelConfig(json(model), generation === undefined ? undefined : json(generation));
  }),

  index: refusing((bytes) => {
    const files = Object.values(readWeightIndex(json(text(bytes))));
    if (files.some((name) => name.includes("/") || name.startsWith(".")))
      throw new Error("an index leads out of its directory");
  }),

  /** tokenizer.json, tokenizer_config.json and a text, separated by NUL. */
  tokenizer: refusing((bytes) => {
    const [tokenizer = "", settings = "{}", said = "a <|end|> é"] = text(bytes).split("\0");
    const files: TokenizerFiles = {
      tokenizer: json(tokenizer),
      config: json(settings),
      chatTemplate: "{% for m in messages %}{{ m.content }}<|end|>{% endfor %}",
    };
    const made = new ChatTokenizer(files, [1], 64);
    const { ids } = made.prompt([{ role: "user", content: said }], 4096, {});
    if (ids.some((id) => id < 0 || id >= 64)) throw new Error(`ids beyond the vocabulary: ${ids}`);
    const stream = made.detokenizer();
    for (const id of made.replyIds(said)) stream.push(id);
    stream.flush();
    made.grammarVocabulary(64);
  }),

  template: (bytes) => {
    const source = text(bytes);
    try {
      withinTime(2000, () =>
        new Template(source).render({
          ...{ messages, tools: null, documents: null, add_generation_prompt: true },
          ...{ bos_token: "<s>", eos_token: "</s>" },
        }),
      );
    } catch (error) {
      // A forbidden action of a template gives a plain error; an error of the engine's own kinds is a bug of the
      // interpreter.
      if (error instanceof TypeError || error instanceof ReferenceError) throw error;
      if (error instanceof TookTooLong) throw error;
      return false;
    }
    return true;
  },

  /** A request's body, JSON or else a form. */
  wire: async (bytes) => {
    let isTaken = false;
    for (const type of ["application/json", "multipart/form-data; boundary=x"]) {
      const headers = { "content-type": type };
      const response = await wire.request("/", { method: "POST", headers, body: bytes });
      if (response.status >= 500) throw new Error(await response.text());
      isTaken ||= response.ok;
    }
    return isTaken;
  },

  /** A stream of events, in pieces as long as its first byte says. */
  sse: async (bytes) => {
    const size = Math.max(1, bytes[0] ?? 1);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 1; at < bytes.length; at += size)
          controller.enqueue(bytes.subarray(at, at + size));
        controller.close();
      },
    });
    try {
      for await (const { data, event } of readSse(new Response(body), 10_000))
        if (typeof data !== "string" || typeof event !== "string")
          throw new Error("an event is no text");
    } catch (error) {
      if (!(error instanceof Rosa2Error)) throw error;
      return false;
    }
    return true;
  },

  cursor: (bytes) => {
    const cursor = text(bytes);
    const readers = [readSessionCursor, readEventId];
    return readers.map((read) => refusing(() => read(cursor))(bytes)).includes(true);
  },
};

/** Targets that answer with a promise; the fuzzer is quicker with the others. */
export const asynchronous = ["wire", "sse"];

const wire = new Hono()
  .post("/", async (c) => {
    await readBody(c, generateRequestSchema);
    return c.text("taken");
  })
  .onError((error, c) =>
    error instanceof RosaError ? c.text(error.message, 400) : c.text(String(error.stack), 500),
  );

/** Typed refusals are answers. */
function refusing(parse: (bytes: Uint8Array<ArrayBuffer>) => void) {
  return (bytes: Uint8Array<ArrayBuffer>): boolean => {
    try {
      parse(bytes);
      return true;
    } catch (error) {
      if (error instanceof RosaError) return false;
      throw error;
    }
  };
}

const decoder = new TextDecoder();
function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Text that is not JSON is refused before a parser sees it. */
function json(content: string): unknown {
  try {
    return parseJson(content);
  } catch (cause) {
    throw new RosaError("checkpoint_invalid", "no JSON", { cause });
  }
}
