/**
 * One adapting conversation with the client: browsers, Node, Bun, Deno. Meant are the last two. Which two is not
 * said, and the model never practised the two operations together.
 */
import { Rosa2, Rosa2Error } from "rosa2";

const { ROSA2_URL = "http://127.0.0.1:8787", ROSA2_KEY = "" } = process.env;
const rosa2 = new Rosa2({ baseUrl: ROSA2_URL, apiKey: ROSA2_KEY });

try {
  const session = await rosa2.createSession({ adaptation: { mode: "both" } });

  // Reconnects by itself where the connection breaks: nothing is lost, nothing comes twice.
  const asked = session.stream("Sort them, then take two, in brackets: 3 8 0 5");
  for await (const text of asked.texts()) console.log("writing     ", text);
  const turn = await asked.result();

  const judged = session.feedbackStream(turn.id, {
    reward: -1,
    text: "from the end",
    correction: "[5 8]",
    retry: true,
  });
  for await (const event of judged) {
    if (event.type === "words") console.log("model reads ", event.data.after);
    if (event.type === "weights") console.log("weights     ", event.data.reason);
  }
  const { turn: retried } = await judged.result();
  console.log("new reply   ", retried?.reply);

  const next = await session.ask("Sort them, then take two, in brackets: 4 7 1 9");
  console.log("another list", next.reply); // [7 9]
} catch (error) {
  if (!(error instanceof Rosa2Error)) throw error;
  console.error(error.code, error.message, error.requestId ?? "");
}
