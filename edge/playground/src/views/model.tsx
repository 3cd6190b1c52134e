/** The model behind the page: its name, what it can do, requests to try, and how to use another model. */
import { useState } from "preact/hooks";
import { formatCount } from "../format.ts";
import { miniName, works } from "../mini.ts";
import { CopyButton } from "../parts/copy.tsx";
import { startSession } from "../state/current.ts";
import { modelName, windowTokens } from "../state/health.ts";

const attaching: readonly { title: string; command: string; says: string }[] = [
  {
    title: "A directory",
    command: "MODEL=../my-checkpoint npm start",
    says: "A Hugging Face checkpoint with safetensors, as it is. Nothing of it is executed.",
  },
  {
    title: "The Hugging Face hub",
    command: "MODEL=Qwen/Qwen2.5-0.5B-Instruct QUANTIZE=8 npm start",
    says: "Downloaded once; @commit behind the name pins it. QUANTIZE=8 or 4 takes less memory.",
  },
  {
    title: "A GPU service elsewhere",
    command: "GPU_URL=https://gpu.example.com npm run deploy",
    says: "For a deployed edge. The service runs on Modal, Cloud Run, RunPod or Kubernetes.",
  },
  {
    title: "Will it run?",
    command: "npm run model -- check Qwen/Qwen2.5-0.5B-Instruct",
    says: "Says whether and with how much memory, and downloads no weights.",
  },
];

export function ModelView() {
  const name = modelName.value;
  const [busy, setBusy] = useState(false);
  const tokens = windowTokens.value;
  const ask = async (request: string) => {
    setBusy(true);
    await startSession({ title: request.slice(0, 80) }, request);
    setBusy(false);
  };
  return (
    <main id="main" class="start model" tabIndex={-1}>
      <h1>{name ?? "The model is being loaded"}</h1>
      {tokens !== null && (
        <p class="note">A conversation’s window holds {formatCount(tokens)} tokens.</p>
      )}
      {name === miniName ? (
        <>
          <p class="lead">
            A very small model that comes with rosa2, so that everything can be tried without a
            download. It works on short lists of digits, letters and everyday words, writes short
            notes, and can do nothing else. What it does wrong you can teach it: that is what this
            page is for.
          </p>
          <section aria-labelledby="works">
            <h2 id="works">What works</h2>
            <ul class="works">
              {works.map(({ request, answer }) => (
                <li key={request}>
                  <button type="button" disabled={busy} onClick={() => void ask(request)}>
                    <span>{request}</span> <code>{answer}</code>
                  </button>
                </li>
              ))}
            </ul>
            <p class="note">
              Say which way you mean. “Sort them” alone can be meant in two ways: the model takes
              one, and your correction teaches it yours.
            </p>
          </section>
        </>
      ) : (
        <p class="lead">
          What it can do is what its makers taught it. rosa2 adds that it adapts to what you say
          about its replies, in this conversation and no other.
        </p>
      )}
      <section aria-labelledby="attach">
        <h2 id="attach">Talk to another model</h2>
        <dl class="attach">
          {attaching.map(({ title, command, says }) => (
            <div key={title}>
              <dt>{title}</dt>
              <dd class="command">
                <code>{command}</code>
                <CopyButton text={command} what={`the command for: ${title}`} />
              </dd>
              <dd class="note">{says}</dd>
            </div>
          ))}
        </dl>
      </section>
    </main>
  );
}
