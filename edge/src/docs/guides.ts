/**
 * The guides as data: introductions to be read before the reference. Shell snippets form one session from first to
 * last, and a test runs them that way. It knows no markup.
 */

export interface Snippet {
  language: "shell" | "Python" | "TypeScript";
  code: string;
  /** Text that its output contains; the tests do not run a snippet without it. */
  prints?: string;
}

export interface Guide {
  id: string;
  title: string;
  /** Paragraphs and snippets in order; `code` in backticks. */
  parts: readonly (string | Snippet)[];
}

const shell = (code: string, prints?: string): Snippet => ({
  language: "shell",
  code,
  ...(prints === undefined ? {} : { prints }),
});

export const guides: readonly Guide[] = [
  {
    id: "quick-start",
    title: "Quick start",
    parts: [
      "`npm start` prints an address and a key. With the two in `ROSA2_URL` and `ROSA2_KEY`, open a session and ask.",
      shell(
        `api() { # path, further options of curl
  path=$1; shift
  curl -sS "$ROSA2_URL/v1$path" -H "Authorization: Bearer $ROSA2_KEY" -H "Content-Type: application/json" "$@"
}
id() { grep -o '"id":"[^"]*"' | head -n 1 | cut -d '"' -f 4; }
session=$(api /sessions -d '{"title":"First steps"}' | id)
asked=$(api "/sessions/$session/turns" -d '{"content":"Sort them, then take two, in brackets: 3 8 0 5"}')
echo "$asked"`,
        '"status":"completed"',
      ),
    ],
  },
  {
    id: "feedback",
    title: "Sessions and feedback",
    parts: [
      "A session is a conversation that learns; what it learns stays in it. Feedback has a `reward` from -1 to 1 and, where you know it, what is wrong (`text`) and what the reply should have been (`correction`). A correction teaches most. With `retry` the answer holds a new reply, made after the words and the weights have adapted.",
      shell(
        `turn=$(echo "$asked" | id)
api "/sessions/$session/turns/$turn/feedback" \\
  -d '{"reward":-1,"text":"from the end","correction":"[5 8]","retry":true}'`,
        '"reply":"[5 8]"',
      ),
      "Before you give a correction, `…/reach` says whether the model can learn it: what the tokenizer cannot write, whether it fits the window, and how many updates it needs at least. It changes nothing and costs nothing.",
      shell(
        `api "/sessions/$session/turns/$turn/reach" -d '{"correction":"[8 0 3 5]"}'`,
        '"verdict":"one_update"',
      ),
      "`words` shows how the request is read now, `weights` the outcome of the update and its reason. Accept right replies as well: they become examples that later updates keep.",
      shell(
        `api "/sessions/$session/turns" -d '{"content":"Sort them, then take two, in brackets: 4 7 1 9"}'`,
        '"reply":"[7 9]"',
      ),
      "Every update is a generation. List them, go back to one (`…/generations/base/activate`), or fork the session as it was.",
      shell(`api "/sessions/$session/generations"`, '"active":"gen_'),
    ],
  },
  {
    id: "streaming",
    title: "Streaming and resuming",
    parts: [
      "With `stream` an answer comes as server-sent events: `turn`, `delta` …, `done`. Each has a number. A phone that lost its signal continues after the last number that it saw; nothing is lost, nothing comes twice. A dropped connection does not stop a reply; `POST …/stop` does.",
      shell(`api "/sessions/$session/turns/$turn/events" -N -H "Last-Event-ID: 1"`, "event: done"),
    ],
  },
  {
    id: "idempotency",
    title: "Idempotency",
    parts: [
      "A POST with an `Idempotency-Key` takes effect once, however often it is sent. The same key with the same body gets the saved answer; with another body it gets 422.",
      shell(
        `one=$(api /sessions -H "Idempotency-Key: $session" -d '{}' | id)
two=$(api /sessions -H "Idempotency-Key: $session" -d '{}' | id)
[ "$one" = "$two" ] && echo "one session, not two"`,
        "one session, not two",
      ),
    ],
  },
  {
    id: "phones",
    title: "Phones and browsers: client tokens",
    parts: [
      "Keys are for servers. For an app your server makes a short-lived token for the user that has signed in there. The token opens, lists and erases the sessions of that owner and nobody else's.",
      shell(
        `token=$(api /client_tokens -d '{"owner":"user-1","ttl_seconds":900}' |
  grep -o '"token":"[^"]*"' | cut -d '"' -f 4)
curl -sS "$ROSA2_URL/v1/sessions" -H "Authorization: Bearer $token"`,
        '"data":[]',
      ),
    ],
  },
  {
    id: "errors",
    title: "Errors by example",
    parts: [
      "An error has a status and a body with `type`, `code`, `message`, `request_id` and, if one parameter is at fault, `param`. Switch on `code`.",
      shell(
        `curl -sS "$ROSA2_URL/v1/models" -H "Authorization: Bearer rosa2_wrong"`,
        '"code":"invalid_key"',
      ),
      shell(`api "/sessions/$session/turns/$turn/feedback" -d '{"reward":2}'`, '"param":"reward"'),
    ],
  },
  {
    id: "budget",
    title: "Budget and cost",
    parts: [
      "A monthly cap on what a tenant may spend holds under concurrency: an amount is reserved before work begins and settled after it. Only accepted updates are billed. Usage is reported by day, session, key or owner.",
      shell(`api /budget -X PUT -d '{"cap_usd":50}'`, '"cap_usd":50'),
      shell(`api "/usage?group_by=session"`, '"adaptations_accepted":1'),
    ],
  },
  {
    id: "senses",
    title: "Your own senses",
    parts: [
      "If your users' wordings have a few known meanings, list them: `spans` are the wordings, `readings` their possible meanings, `cues` the words of a user who means this one. The session then learns from a remark alone, without a model. For all sessions of a tenant: `PUT /v1/tenant/lexicon`.",
      shell(
        `own=$(api /sessions -d '{"adaptation":{"mode":"words"},"lexicon":{"senses":[{"id":"order","label":"the order",
  "spans":["sort them"],"readings":[
    {"id":"up","phrase":"from smallest to largest","cues":["smallest first"]},
    {"id":"down","phrase":"from largest to smallest","cues":["largest first"]}]}]}}' | id)
unclear=$(api "/sessions/$own/turns" -d '{"content":"Sort them, as plain text: 3 1 2"}' | id)
api "/sessions/$own/turns/$unclear/feedback" -d '{"reward":-1,"text":"largest first","retry":true}'`,
        '"after":"Sort them from largest to smallest, as plain text: 3 1 2"',
      ),
      "Later requests are worded this way at once.",
      shell(
        `api "/sessions/$own/turns" -d '{"content":"Sort them, as plain text: 5 9 7"}'`,
        '"reply":"9 7 5"',
      ),
    ],
  },
  {
    id: "trust",
    title: "Holdout, roll-back, webhooks",
    parts: [
      "Whether adaptation helps your users is measured, not assumed. A share of people stays unadapted, and `GET /v1/usage` shows what the others do better: tries, acceptance and cost a session, with the 95 % interval of each difference. A person is a session's owner, and is always held out or never; a session without an owner counts as a person. Look when the interval is as narrow as your decision needs, not until it pleases.",
      shell(
        `api /tenant/adaptation -X PUT -d '{"holdout_share":0.1,"roll_back_after":3}'`,
        '"holdout_share":0.1',
      ),
      shell("api /usage", '"held_out":{"people":0'),
      "With `roll_back_after`, an update that leads to this many rejected replies is taken back: the last generation with an accepted reply answers again. The turn's event `rolled_back` reports it.",
      "Webhooks tell your server about updates, roll-backs, and 80 % of the month's cap being spent. Keep the secret; it is shown once.",
      shell(`api /webhooks -d '{"url":"https://example.com/hooks/rosa2"}'`, '"secret":"whsec_'),
      "Messages have the form of Standard Webhooks, whose libraries verify them. A message may come twice, with the same `webhook-id`.",
      {
        language: "TypeScript",
        code: `import { Webhook } from "standardwebhooks";

const message = new Webhook(secret).verify(body, headers); // throws for a forged one
const { type, data } = message as { type: string; data: object };`,
      },
    ],
  },
  {
    id: "openai",
    title: "OpenAI's clients",
    parts: [
      "They work as they are against `/v1`. The header `x-rosa2-session` puts a call into a session.",
      {
        language: "Python",
        code: `import os
from openai import OpenAI

client = OpenAI(base_url=os.environ["ROSA2_URL"] + "/v1", api_key=os.environ["ROSA2_KEY"])
answer = client.chat.completions.create(
    model="rosa2-mini-2",
    messages=[{"role": "user", "content": "Sort them from largest to smallest, in brackets: 3 8 0 5"}],
)
print(answer.choices[0].message.content)`,
        prints: "[8 5 3 0]",
      },
      "With a session the last message becomes its next turn, and the model sees the session's history. The reply's `id` is the turn's id, which feedback needs.",
      {
        language: "Python",
        code: `import os
from openai import OpenAI

client = OpenAI(base_url=os.environ["ROSA2_URL"] + "/v1", api_key=os.environ["ROSA2_KEY"])
session = client.post("/sessions", body={}, cast_to=object)["id"]
answer = client.chat.completions.create(
    model="rosa2-mini-2",
    messages=[{"role": "user", "content": "Sort them, then take two, in brackets: 3 8 0 5"}],
    temperature=0,
    extra_headers={"x-rosa2-session": session},
)
judged = client.post(
    f"/sessions/{session}/turns/{answer.id}/feedback",
    body={"reward": -1, "text": "from the end", "correction": "[5 8]", "retry": True},
    cast_to=object,
)
print(judged["turn"]["reply"])`,
        prints: "[5 8]",
      },
    ],
  },
  {
    id: "model",
    title: "Your own model",
    parts: [
      "A Hugging Face checkpoint of the Llama, Qwen, Mistral, SmolLM or Gemma kind is served as it is. Ask first whether it will run.",
      shell("npm run model -- check Qwen/Qwen2.5-0.5B-Instruct"),
      shell("MODEL=Qwen/Qwen2.5-0.5B-Instruct QUANTIZE=8 npm start"),
    ],
  },
  {
    id: "deploy",
    title: "Deploying",
    parts: [
      "The edge goes to Cloudflare with one command, the GPU service as an image to Modal, Cloud Run, RunPod or Kubernetes. Every step checks before it acts, so another run changes only what differs.",
      shell("GPU_URL=https://gpu.example.com npm run deploy"),
    ],
  },
];
