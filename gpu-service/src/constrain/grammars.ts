/** Compiled shapes of replies for one vocabulary, kept while they are used: compiling one again takes longer than a step. */
import type { CompiledGrammar, GrammarCompiler, StructuralTagFormat } from "@mlc-ai/web-xgrammar";
import { RosaError } from "@rosa2/shared/errors";
import type { OutputShape } from "@rosa2/shared/protocol";
import { Constraint } from "./constraint.ts";
import { shapeOf } from "./shape.ts";
import { loadXGrammar, type XGrammar } from "./xgrammar.ts";

/** A vocabulary as a grammar reads it: its entries by id, special ones empty, and how they write bytes. */
export interface GrammarVocabulary {
  entries: string[];
  kind: "byte_level" | "byte_fallback" | "raw";
  endIds: readonly number[];
}

const compiledMax = 64;

export class Grammars {
  readonly #vocabulary: () => GrammarVocabulary;
  #compiler: Promise<{ library: XGrammar; compiler: GrammarCompiler }> | null = null;
  /** Least recently used first. */
  readonly #compiled = new Map<string, CompiledGrammar>();

  constructor(vocabulary: () => GrammarVocabulary) {
    this.#vocabulary = vocabulary;
  }

  /**
   * A constraint for one reply of this shape; null if any text is allowed.
   *
   * @throws RosaError `invalid_request` for a schema that cannot be compiled.
   */
  async constraint(output: OutputShape | undefined): Promise<Constraint | null> {
    const shape = output === undefined ? null : shapeOf(output);
    if (shape === null) return null;
    this.#compiler ??= this.#start();
    const made = await this.#compiler;
    const key = JSON.stringify(shape);
    const grammar = this.#compiled.get(key) ?? (await compile(made, shape));
    this.#compiled.delete(key);
    this.#compiled.set(key, grammar);
    const [oldest] = this.#compiled.keys();
    if (this.#compiled.size > compiledMax && oldest !== undefined) this.#compiled.delete(oldest);
    const { GrammarMatcher } = made.library;
    return new Constraint(await GrammarMatcher.createGrammarMatcher(grammar));
  }

  async #start() {
    const library = await loadXGrammar();
    const { entries, kind, endIds } = this.#vocabulary();
    const info = await library.TokenizerInfo.createTokenizerInfo(
      entries,
      kind,
      false,
      entries.length,
      [...endIds],
    );
    return { library, compiler: await library.GrammarCompiler.createGrammarCompiler(info) };
  }
}

async function compile(
  { library, compiler }: { library: XGrammar; compiler: GrammarCompiler },
  shape: StructuralTagFormat,
): Promise<CompiledGrammar> {
  try {
    const format = await bounded(library, shape);
    return await compiler.compileStructuralTag({ type: "structural_tag", format });
  } catch (cause) {
    throw new RosaError(
      "invalid_request",
      "Cannot compile the JSON schema: it has a type, a $ref or a pattern that is not understood",
      { param: "output", cause },
    );
  }
}

/** Schemas as grammars with at most one white space at a time: an overtaxed model would write nothing else. */
async function bounded(
  library: XGrammar,
  format: StructuralTagFormat,
): Promise<StructuralTagFormat> {
  const each = (list: StructuralTagFormat[]) =>
    Promise.all(list.map((one) => bounded(library, one)));
  switch (format.type) {
    case "json_schema": {
      const schema = JSON.stringify(format.json_schema);
      const { _jsonSchemaToEBNF: toGrammar } = library.Testings;
      const grammar = await toGrammar(schema, true, undefined, undefined, true, 1);
      return {
        type: "grammar",
        grammar: grammar.replace(/^basic_.*$/gm, (rule) =>
          rule.replaceAll("[ \\n\\t]*", "[ \\n\\t]{0,1}"),
        ),
      };
    }
    case "tag":
      return { ...format, content: await bounded(library, format.content) };
    case "or":
      return { ...format, elements: await each(format.elements) };
    case "triggered_tags":
    case "tags_with_separator":
      return { ...format, tags: (await each(format.tags)) as typeof format.tags };
    default:
      return format;
  }
}
