/** Lets the fuzzer's loader see TypeScript as modules of JavaScript: it leaves all other formats as they are. */
import { register, stripTypeScriptTypes } from "node:module";
import { isMainThread } from "node:worker_threads";

if (isMainThread) register(import.meta.url);

export async function load(url, context, nextLoad) {
  if (!url.endsWith(".ts")) return nextLoad(url, context);
  const { source } = await nextLoad(url, { ...context, format: "module-typescript" });
  return { format: "module", source: stripTypeScriptTypes(String(source)), shortCircuit: true };
}
