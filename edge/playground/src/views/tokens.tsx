/** Probability moving from the wrong reply to the right one, token by token, folded away. */
import type { Weights } from "rosa2";
import { chance, movedTokens } from "../summary.ts";

const titles = { right: "The right reply", rejected: "The rejected reply" };

/**
 * Two bars for each token: its probability before the update, and now. Nothing where the figures of the whole reply are
 * enough.
 */
export function Tokens({ weights }: { weights: Weights }) {
  const replies = movedTokens(weights);
  if (replies.length === 0) return null;
  return (
    <details class="tokens">
      <summary>Token by token</summary>
      {replies.map(({ what, tokens }) => (
        <figure key={what} data-what={what}>
          <figcaption>{titles[what]}</figcaption>
          <ol>
            {tokens.map(({ text, before, after }, index) => (
              <li key={index}>
                <span class="token-bars" aria-hidden="true">
                  <span class="chance-bar before" style={{ height: heightOf(before) }} />
                  <span class="chance-bar now" style={{ height: heightOf(after) }} />
                </span>
                {text === "" ? <small>end</small> : <code>{text}</code>}
                <span class="hidden">
                  : was {chance(Math.exp(before))}, now {chance(Math.exp(after))}.
                </span>
              </li>
            ))}
          </ol>
        </figure>
      ))}
      <p class="note">
        Left bar: how likely the token was before the update, after the tokens in front of it. Right
        bar: how likely it is now.
      </p>
    </details>
  );
}

function heightOf(logprob: number): string {
  return `${100 * Math.exp(logprob)}%`;
}
