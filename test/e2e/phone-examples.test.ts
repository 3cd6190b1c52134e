/**
 * The examples for phones. Both are parsed; Kotlin's is compiled and run where Maven has its compiler, which
 * `mvn -f test/e2e/kotlin/pom.xml compile -Dout=/tmp/kotlin` fetches.
 */
import { execFile as executeFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { Language, type Node, Parser } from "web-tree-sitter";
import { rootPath } from "../../edge/local/settings.ts";
import { makeStateFolder, type Rosa } from "./support/rosa.ts";
import { useRosa } from "./support/use-rosa.ts";

const execFile = promisify(executeFile);
const examples = join(rootPath, "edge/client/examples");
const project = join(rootPath, "test/e2e/kotlin/pom.xml");

const grammars = {
  swift: "tree-sitter-wasms/out/tree-sitter-swift.wasm",
  kt: "tree-sitter-wasms/out/tree-sitter-kotlin.wasm",
};

/** What the grammar cannot read, with its line. */
async function faultsOf(language: keyof typeof grammars, text: string): Promise<string[]> {
  await Parser.init();
  const file = fileURLToPath(import.meta.resolve(grammars[language]));
  const parser = new Parser().setLanguage(await Language.load(file));
  const tree = parser.parse(text);
  if (tree === null) throw new Error("The parser has no language");
  const faults: string[] = [];
  const look = (node: Node) => {
    if (node.isError || node.isMissing) faults.push(`${node.startPosition.row + 1}: ${node.text}`);
    for (const child of node.children) if (child?.hasError) look(child);
  };
  look(tree.rootNode);
  return faults;
}

describe("the example of", () => {
  it.each(["swift", "kt"] as const)(
    "%s has no fault of syntax, and one that is put in is found",
    async (language) => {
      const text = readFileSync(join(examples, `quick-start.${language}`), "utf8");
      expect(await faultsOf(language, text)).toEqual([]);
      const lines = text.split("\n");
      const brace = lines.findLastIndex((line) => line.trim() === "}");
      expect(await faultsOf(language, lines.toSpliced(brace, 1).join("\n"))).not.toEqual([]);
      expect(await faultsOf(language, `${text}\nfunc fun = (;\n`)).not.toEqual([]);
    },
  );
});

const [, version = ""] = /<kotlin\.version>(.*)</.exec(readFileSync(project, "utf8")) ?? [];
const compiler = join(
  homedir(),
  ".m2/repository/org/jetbrains/kotlin/kotlin-maven-plugin",
  version,
);
const hasKotlin = existsSync(compiler);
if (!hasKotlin) console.log("Kotlin's example is not compiled: Maven has no Kotlin compiler here");

describe.skipIf(!hasKotlin)("Kotlin's example, compiled", () => {
  let rosa: Rosa;
  useRosa((started) => {
    rosa = started;
  });

  it("has the same conversation with a token of its user's", async () => {
    const backEnd = createServer(async (request, response) => {
      const owner = request.headers.authorization === "Bearer secret-of-ann" ? "ann" : "nobody";
      const { token } = await rosa.post<{ token: string }>("/v1/client_tokens", { owner });
      response.end(JSON.stringify({ token }));
    }).listen(0, "127.0.0.1");
    await once(backEnd, "listening");
    const { port } = backEnd.address() as AddressInfo;
    const out = makeStateFolder();
    try {
      const { stdout } = await execFile(
        "mvn",
        ["-o", "-q", "-f", project, `-Dout=${out.path}`, "compile", "exec:java"],
        {
          env: {
            ...process.env,
            ROSA2_URL: rosa.url,
            TOKEN_URL: `http://127.0.0.1:${port}/token`,
            SIGN_IN: "secret-of-ann",
          },
        },
      );
      expect(stdout).toMatch(/^model reads +Sort them.+\nweights +\w.+\nnew reply +\[4 7 9\]$/m);
      expect(stdout).toMatch(/^another list \[3 5 8\]$/m);
    } finally {
      backEnd.close();
      out.remove();
    }
  });
});
