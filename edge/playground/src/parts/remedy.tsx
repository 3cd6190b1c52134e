/** The link to the place where a failure can be fixed. */
import { remedyOf } from "../state/failure.ts";

export function Remedy({ text }: { text: string }) {
  const remedy = remedyOf(text);
  return remedy === null ? null : <a href={remedy.href}>{remedy.name}</a>;
}
