/** Packs conversations into rows of tokens for training. Knows nothing of what they say. */
import type { Conversation } from "./conversation.ts";

/** B rows of T positions; every array is row-major [B, T]. */
export interface Batch {
  rowCount: number;
  width: number;
  inputs: Int32Array;
  /** The token that follows; 0 where nothing is learnt. */
  targets: Int32Array;
  /** 1 where the target is learnt, else 0. */
  learn: Float32Array;
  /** Number of the conversation within its row; a token attends within it only. −1 is padding. */
  documents: Int32Array;
  conversationCount: number;
  /** Positions that hold a conversation, and those that are learnt. */
  tokenCount: number;
  learntCount: number;
}

/** Share of the positions that drawn conversations should fill. */
const fill = 0.985;

/**
 * A batch of conversations from `draw`. Conversations are drawn until they would fill the rows. They are packed longest
 * first, and those that fit in no row are dropped: at most a few short ones.
 */
export function packBatch(draw: () => Conversation, rowCount: number, width: number): Batch {
  const drawn: Conversation[] = [];
  for (let total = 0; ; ) {
    const conversation = draw();
    const length = conversation.ids.length - 1;
    if (length > width) continue;
    if (total + length > fill * rowCount * width) break;
    drawn.push(conversation);
    total += length;
  }
  const batch = emptyBatch(rowCount, width);
  const used = new Array<number>(rowCount).fill(0);
  const documentCounts = new Array<number>(rowCount).fill(0);
  for (const conversation of drawn.sort((a, b) => b.ids.length - a.ids.length)) {
    const length = conversation.ids.length - 1;
    const row = used.findIndex((taken) => taken + length <= width);
    if (row < 0) continue;
    place(batch, conversation, row * width + used[row]!, documentCounts[row]!);
    used[row]! += length;
    documentCounts[row]! += 1;
  }
  return batch;
}

function emptyBatch(rowCount: number, width: number): Batch {
  const size = rowCount * width;
  return {
    rowCount,
    width,
    inputs: new Int32Array(size),
    targets: new Int32Array(size),
    learn: new Float32Array(size),
    documents: new Int32Array(size).fill(-1),
    conversationCount: 0,
    tokenCount: 0,
    learntCount: 0,
  };
}

/** The last token is only ever a target, so a conversation takes one position less than it has tokens. */
function place(batch: Batch, { ids, learn }: Conversation, at: number, document: number) {
  for (let i = 0; i + 1 < ids.length; i++) {
    batch.inputs[at + i] = ids[i]!;
    batch.documents[at + i] = document;
    if (!learn[i + 1]) continue;
    batch.targets[at + i] = ids[i + 1]!;
    batch.learn[at + i] = 1;
    batch.learntCount += 1;
  }
  batch.conversationCount += 1;
  batch.tokenCount += ids.length - 1;
}
