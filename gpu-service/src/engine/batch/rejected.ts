/** Prevents rejected replies from being given again. It knows token ids and log-probs, not text. */
import type { LogitBias } from "./sampling.ts";

export interface RejectedReply {
  /** The reply's tokens with the end token. */
  ids: ArrayLike<number>;
  /** Log-prob of each token given the prompt, at temperature 1. */
  logprobs: ArrayLike<number>;
}

interface Node {
  children: Map<number, Node>;
  /** Log-prob of the token that leads here. */
  logprob: number;
  /** Probability that a reply which got here becomes a rejected one. */
  mass: number;
  isEnd: boolean;
}

/**
 * The model's distribution given that the reply is none of the rejected ones, token by token: p(t | prefix, not
 * rejected) ∝ p(t | prefix) · (1 − m(prefix + t)), where m is the probability of completing a rejected reply from
 * there. This equals drawing whole replies until one is new. Forbidding only the last token would instead force a wrong
 * reply to run on.
 */
export class RejectedReplies {
  readonly #root: Node;
  #here: Node | undefined;

  constructor(replies: RejectedReply[]) {
    this.#root = newNode(0);
    for (const reply of replies) insert(this.#root, reply);
    weigh(this.#root);
    this.#here = this.#root;
  }

  /** The bias on the next logits: log(1 − m), or -Infinity where a rejected reply would be complete. */
  bias(): LogitBias {
    const bias = new Map<number, number>();
    for (const [id, child] of this.#here?.children ?? []) {
      bias.set(id, child.isEnd ? -Infinity : Math.log1p(-Math.min(child.mass, 1 - 1e-12)));
    }
    return bias;
  }

  accept(id: number): void {
    this.#here = this.#here?.children.get(id);
  }
}

function newNode(logprob: number): Node {
  return { children: new Map(), logprob, mass: 0, isEnd: false };
}

function insert(root: Node, { ids, logprobs }: RejectedReply): void {
  let node = root;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    let child = node.children.get(id);
    if (child === undefined) {
      child = newNode(logprobs[i] as number);
      node.children.set(id, child);
    }
    node = child;
  }
  node.isEnd = true;
}

/** Fills in `mass` from the leaves up; a loop, because a reply can be thousands of tokens deep. */
function weigh(root: Node): void {
  const order: Node[] = [root];
  for (let i = 0; i < order.length; i++) {
    order.push(...(order[i] as Node).children.values());
  }
  for (const node of order.reverse()) {
    if (node.isEnd) node.mass = 1;
    else {
      for (const child of node.children.values()) {
        node.mass += Math.exp(child.logprob) * child.mass;
      }
    }
  }
}
