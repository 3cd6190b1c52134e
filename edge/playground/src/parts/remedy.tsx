/** The link to where a failure can be mended. */
import { remedyOf } from "../state/failure.ts";

export function Remedy({ text }: { text: string }) {
  const remedy = remedyOf(text);
  return remedy === null ? null : <a href={remedy.href}>{remedy.name}</a>;
}
