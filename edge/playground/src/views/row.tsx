/**
 * One turn of the transcript: request and reply, what feedback on it changed, and judging it.
 *
 * A long session has hundreds of rows. Values that change with every token or key are not properties of a row, so a row
 * renders again only when its own records change.
 */
import type { RefObject } from "preact";
import type { FeedbackRecord, Generation, Turn } from "rosa2";
import { memo } from "../parts/memo.ts";
import type { Conversation } from "../state/conversation.ts";
import { go } from "../state/route.ts";
import { ChangeView } from "./change.tsx";
import { JudgeView } from "./judge.tsx";
import { TurnView } from "./turn.tsx";

interface RowProps {
  conversation: Conversation;
  /** Receives the focus when the focused button disappears. */
  scroller: RefObject<HTMLElement | null>;
  turn: Turn;
  isLatest: boolean;
  generationName: string;
  failure: string | null;
  /** Every try at this request, in order. */
  tries: readonly Turn[];
  /** Feedback on this reply, and the generation that each piece made. */
  records: readonly FeedbackRecord[];
  made: readonly (Generation | undefined)[];
}

function RowView(row: RowProps) {
  const { conversation, scroller, turn, isLatest, records, made } = row;
  // The latest reply can be judged when nothing is in progress. An earlier one keeps its form, so that nothing moves
  // under the reader.
  const showsJudge = isJudged(turn) && (!isLatest || conversation.canJudge.value);
  return (
    <li>
      <TurnView
        turn={turn}
        live={conversation.live}
        generationName={row.generationName}
        failure={row.failure}
        tries={row.tries}
        cannotAct={conversation.cannotJudge}
        onRetry={() => conversation.retry(turn.id)}
        onEdit={() => takeBack(turn.content)}
        onAgain={() => conversation.ask(turn.content, 1)}
        onBranch={async () => {
          const forked = await conversation.fork(turn.id);
          if (forked !== null) go({ page: "session", id: forked });
        }}
      />
      {records.map((record, index) => (
        // The key is not the record's time: the server's time replaces the page's own, and an unfolded record must stay
        // unfolded.
        <ChangeView key={index} record={record} generation={made[index]} />
      ))}
      {showsJudge && (
        <JudgeView
          key={records.length}
          turn={turn}
          folded={!isLatest}
          disabled={conversation.cannotJudge}
          onReach={(correction) => conversation.reach(turn.id, correction)}
          onJudge={(judgement) => {
            // The buttons disappear; the focus stays in the conversation for keyboard users.
            scroller.current?.focus({ preventScroll: true });
            void conversation.judge(turn.id, judgement);
          }}
        />
      )}
    </li>
  );
}

export const Row = memo(RowView);

/** Puts a request into the field and replaces its text. */
function takeBack(content: string): void {
  const field = document.getElementById("request");
  if (!(field instanceof HTMLTextAreaElement)) return;
  field.value = content;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

function isJudged(turn: Turn): boolean {
  return (turn.status === "completed" || turn.status === "stopped") && turn.reply !== "";
}
