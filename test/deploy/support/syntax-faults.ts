/**
 * Prints what a language's grammar cannot read of the text on standard input, as a JSON list of lines. Run with
 * `--liftoff-only`: optimising the grammars' large functions takes gigabytes, and a process of its own.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Parser from "web-tree-sitter";

await Parser.init();
const grammar = import.meta.resolve(`tree-sitter-wasms/out/tree-sitter-${process.argv[2]}.wasm`);
const parser = new Parser();
parser.setLanguage(await Parser.Language.load(fileURLToPath(grammar)));
console.log(JSON.stringify(faultsBelow(parser.parse(readFileSync(0, "utf8")).rootNode)));

function faultsBelow(node: Parser.SyntaxNode): string[] {
  if (node.isError || node.isMissing) return [`${node.startPosition.row + 1}: ${node.text}`];
  return node.children.flatMap((child) => (child.hasError ? faultsBelow(child) : []));
}
