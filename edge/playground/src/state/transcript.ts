/** A session as a Markdown file: requests, the wording that the model read, replies, and the feedback on them. */
import type { Session } from "rosa2";

export function transcriptOf({ title, id, created_at, turns, feedback }: Session): string {
  const lines = [`# ${title ?? id}`, "", `${id}, ${created_at}`];
  for (const turn of turns) {
    if (turn.retry_of === null) lines.push("", `**You:** ${turn.content}`);
    if (turn.prompt !== turn.content) lines.push("", `*The model reads:* ${turn.prompt}`);
    lines.push("", `**Reply (try ${turn.attempt}, ${turn.generation}):**`, "", turn.reply);
    for (const { turn_id, reward, text, correction } of feedback) {
      if (turn_id !== turn.id) continue;
      const said = correction === null ? text : `it should be ${correction}`;
      lines.push("", `**You, about it:** ${said ?? (reward > 0 ? "right" : "wrong")}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

export function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
