/** A chat over the hook: the same in a browser and, with React Native's elements, on a phone. */
import type { SessionClient } from "rosa2";
import { useConversation } from "rosa2/react";

export function Chat({ session }: { session: SessionClient }) {
  const conversation = useConversation(session);
  if (conversation === null) return null;
  const { exchanges, ask, judge, isBusy } = conversation;
  const correct = (turnId: string) => {
    const correction = prompt("What should it have been?");
    if (correction) void judge(turnId, { reward: -1, correction, retry: true });
  };
  return (
    <main>
      {exchanges.map(({ turnId, request, reply, weights, failure }) => (
        <article key={turnId ?? "asked"}>
          <h2>{request}</h2>
          <p>{failure?.message ?? reply}</p>
          {weights !== null && <p>{weights.reason}</p>}
          {turnId !== null && (
            <button type="button" disabled={isBusy} onClick={() => correct(turnId)}>
              Correct
            </button>
          )}
        </article>
      ))}
      <button type="button" disabled={isBusy} onClick={() => void ask(prompt("Ask") ?? "")}>
        Ask
      </button>
    </main>
  );
}
