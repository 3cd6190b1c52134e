/** Distinguishes a hub id from a path; it looks at neither the disk nor the network. */

export interface ModelId {
  /** `organisation/name` */
  name: string;
  /** Branch, tag or commit. */
  revision: string;
}

const defaultRevision = "main";
const namePattern = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/;
const revisionPattern = /^[A-Za-z0-9][\w./-]{0,199}$/;
const commitPattern = /^[0-9a-f]{40}$/;

/** Reads `organisation/name` or `organisation/name@revision`; null for any other text. */
export function parseModelId(text: string): ModelId | null {
  const at = text.indexOf("@");
  const name = at < 0 ? text : text.slice(0, at);
  const revision = at < 0 ? defaultRevision : text.slice(at + 1);
  if (!namePattern.test(name) || !revisionPattern.test(revision)) return null;
  if (text.includes("..") || revision.includes("//")) return null;
  return { name, revision };
}

/** Whether a revision is a commit, whose files never change. */
export function isCommit(revision: string): boolean {
  return commitPattern.test(revision);
}
