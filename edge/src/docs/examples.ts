/** The examples of edge/client/examples as texts. Written by edge/client/generator/generate.ts; do not edit. */

export const examples = {
  curl: {
    file: "quick-start.sh",
    text: `#!/bin/sh
# One adapting conversation with curl alone: ask, correct the reply, watch it learn, ask again.
# Meant are the last three. Which three is not said, and the model never practised the two operations together.
# Needs ROSA2_URL (http://127.0.0.1:8787) and ROSA2_KEY; \`npm start\` prints both.
set -eu

api() { # path, further options of curl
  path=$1
  shift
  curl -sS --fail-with-body "$ROSA2_URL/v1$path" -H "Authorization: Bearer $ROSA2_KEY" \\
    -H "Content-Type: application/json" "$@"
}
id_of() { printf %s "$1" | grep -o '"id":"[^"]*"' | head -n 1 | cut -d '"' -f 4; }

session=$(id_of "$(api /sessions -d '{"adaptation":{"mode":"both"}}')")

# The same key with the same body gives the same answer: a retry never asks, adapts or pays twice.
asked=$(api "/sessions/$session/turns" -H "Idempotency-Key: first-$session" \\
  -d '{"content":"Sort them, then take three, in brackets: 4 7 1 9"}')
echo "$asked"
turn=$(id_of "$asked")

# Events in order: words, weights, turn, delta …, done. -N shows them as they come.
api "/sessions/$session/turns/$turn/feedback" -N \\
  -d '{"reward":-1,"text":"the last three","correction":"[4 7 9]","retry":true,"stream":true}'

# A stream that broke after event 1 goes on after it; without the header it is told from the beginning.
api "/sessions/$session/turns/$turn/events" -N -H "Last-Event-ID: 1"

# Another list, no feedback: read as the session learnt to read it, answered by the new generation: [3 5 8].
api "/sessions/$session/turns" \\
  -d '{"content":"Sort them, then take three, in brackets: 3 8 0 5"}'
`,
  },
  TypeScript: {
    file: "quick-start.ts",
    text: `/**
 * One adapting conversation with the client: browsers, Node, Bun, Deno. Meant are the last three. Which three is not
 * said, and the model never practised the two operations together.
 */
import { Rosa2, Rosa2Error } from "rosa2";

const { ROSA2_URL = "http://127.0.0.1:8787", ROSA2_KEY = "" } = process.env;
const rosa2 = new Rosa2({ baseUrl: ROSA2_URL, apiKey: ROSA2_KEY });

try {
  const session = await rosa2.createSession({ adaptation: { mode: "both" } });

  // Reconnects by itself where the connection breaks: nothing is lost, nothing comes twice.
  const asked = session.stream("Sort them, then take three, in brackets: 4 7 1 9");
  for await (const text of asked.texts()) console.log("writing     ", text);
  const turn = await asked.result();

  const judged = session.feedbackStream(turn.id, {
    reward: -1,
    text: "the last three",
    correction: "[4 7 9]",
    retry: true,
  });
  for await (const event of judged) {
    if (event.type === "words") console.log("model reads ", event.data.after);
    if (event.type === "weights") console.log("weights     ", event.data.reason);
  }
  const { turn: retried } = await judged.result();
  console.log("new reply   ", retried?.reply);

  const next = await session.ask("Sort them, then take three, in brackets: 3 8 0 5");
  console.log("another list", next.reply); // [3 5 8]
} catch (error) {
  if (!(error instanceof Rosa2Error)) throw error;
  console.error(error.code, error.message, error.requestId ?? "");
}
`,
  },
  Python: {
    file: "quick-start.py",
    text: `"""One adapting conversation with Python alone: ask, correct the reply, watch it learn, ask again.

Meant are the last three. Which three is not said, and the model never practised the two operations together.
Needs ROSA2_URL (http://127.0.0.1:8787) and ROSA2_KEY; \`npm start\` prints both.
"""

import json
import os
import urllib.error
import urllib.request
import uuid


def post(path, body, key=None):
    """The answer to a POST. The same key with the same body gives the same answer: nothing happens or is paid twice."""
    request = urllib.request.Request(
        os.environ["ROSA2_URL"] + "/v1" + path,
        data=json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer " + os.environ["ROSA2_KEY"],
            "Content-Type": "application/json",
            "Idempotency-Key": key or str(uuid.uuid4()),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)
    except urllib.error.HTTPError as failure:
        error = json.load(failure)["error"]
        raise SystemExit(f"{error['code']}: {error['message']} (request {error['request_id']})")


session = post("/sessions", {"adaptation": {"mode": "both"}})
turns = f"/sessions/{session['id']}/turns"

turn = post(turns, {"content": "Sort them, then take three, in brackets: 4 7 1 9"})
print("reply      ", turn["reply"])

result = post(
    f"{turns}/{turn['id']}/feedback",
    {"reward": -1, "text": "the last three", "correction": "[4 7 9]", "retry": True},
)
print("model reads", result["words"]["after"])
print("weights    ", result["weights"]["decision"])
print("new reply  ", result["turn"]["reply"])

# Learnt once, right at once: another list, and not a word about it.
after = post(turns, {"content": "Sort them, then take three, in brackets: 3 8 0 5"})
print("another list", after["reply"])  # [3 5 8]
`,
  },
  "Your back end": {
    file: "token-server.ts",
    text: `/**
 * A small back end for an app: it knows who has signed in, and gives that user's phone a client token for a quarter of
 * an hour. The API key stays here. It is Node alone; \`SIGN_INS=secret=user,…\` stands for your own sign-in.
 */
import { createServer } from "node:http";
import { Rosa2 } from "rosa2";

const { ROSA2_URL = "http://127.0.0.1:8787", ROSA2_KEY = "", PORT = "8788" } = process.env;
/** The key needs no more than the scope \`mint\`. */
const rosa2 = new Rosa2({ baseUrl: ROSA2_URL, apiKey: ROSA2_KEY });

/** Whose session of your app this is: put your own check here. */
const users = new Map(
  (process.env.SIGN_INS ?? "").split(",").map((pair) => pair.split("=") as [string, string]),
);
function userOf(authorization = ""): string | undefined {
  return users.get(authorization.replace(/^Bearer /, ""));
}

createServer(async (request, response) => {
  const answer = (status: number, body: object) => {
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(body));
  };
  if (request.method !== "POST" || request.url !== "/token") return answer(404, {});
  const owner = userOf(request.headers.authorization);
  if (owner === undefined || owner === "") return answer(401, { error: "Sign in first" });
  try {
    // What one user may cost in a month is yours to say.
    const { token, expires_at } = await rosa2.createClientToken({
      owner,
      ttl_seconds: 900,
      cap_usd: 1,
    });
    answer(200, { token, expires_at });
  } catch (error) {
    console.error(error);
    answer(502, { error: "No token could be made" });
  }
}).listen(Number(PORT), "127.0.0.1", () => console.log(\`Tokens at http://127.0.0.1:\${PORT}/token\`));
`,
  },
  "React Native": {
    file: "ChatScreen.tsx",
    text: `/**
 * One screen of an Expo app: ask, watch the reply being written, say what it should have been, and see what
 * that changed in the words and in the weights. Needs Expo and this client; render it.
 */
import { fetch as expoFetch } from "expo/fetch";
import { useEffect, useMemo, useRef, useState } from "react";
import {
  ActivityIndicator,
  KeyboardAvoidingView,
  Platform,
  Pressable,
  ScrollView,
  StyleSheet,
  Text,
  TextInput,
  View,
} from "react-native";
import { Rosa2, Rosa2Error, type SessionClient, type Weights, type Words } from "rosa2";

interface Exchange {
  /** Known once the server has the request. */
  turnId: string | null;
  request: string;
  reply: string;
  words: Words | null;
  weights: Weights | null;
}

interface Props {
  /** Where rosa2 is. */
  baseUrl: string;
  /** Where your own back end gives tokens to signed-in users: token-server.ts is a small one. */
  tokenUrl: string;
  /** What your app's sign-in gave this user. */
  signIn: string;
}

// React Native's own fetch has no streams; Expo's has.
const fetch = expoFetch as unknown as typeof globalThis.fetch;

/** A phone holds no key, but a client token for its user, asked for anew whenever it has expired. */
export function ChatScreen({ baseUrl, tokenUrl, signIn }: Props) {
  const rosa2 = useMemo(() => {
    const apiKey = async () => {
      const headers = { authorization: \`Bearer \${signIn}\` };
      const answer = await fetch(tokenUrl, { method: "POST", headers });
      if (!answer.ok) throw new Error("Not signed in");
      return ((await answer.json()) as { token: string }).token;
    };
    return new Rosa2({ baseUrl, apiKey, fetch });
  }, [baseUrl, tokenUrl, signIn]);
  const session = useRef<Promise<SessionClient> | null>(null);
  const leaving = useRef(new AbortController());
  const [exchanges, setExchanges] = useState<Exchange[]>([]);
  const [draft, setDraft] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  useEffect(() => {
    const controller = new AbortController();
    leaving.current = controller;
    // Leaving the screen stops listening; the server finishes what was asked.
    return () => controller.abort();
  }, []);

  const change = (index: number, part: Partial<Exchange>) =>
    setExchanges((all) => all.map((one, i) => (i === index ? { ...one, ...part } : one)));

  const work = async (job: (session: SessionClient, signal: AbortSignal) => Promise<void>) => {
    const { signal } = leaving.current;
    setBusy(true);
    setFailure(null);
    try {
      session.current ??= rosa2.createSession({ adaptation: { mode: "both" } });
      await job(await session.current, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Rosa2Error)) throw error;
      if (exchanges.length === 0) session.current = null;
      setFailure(
        error.code === "budget_exceeded" ? "This month’s budget is used up." : error.message,
      );
    } finally {
      if (!signal.aborted) setBusy(false);
    }
  };

  const ask = () => {
    const request = draft.trim();
    if (request === "" || busy) return;
    const index = exchanges.length;
    const begun = { turnId: null, request, reply: "", words: null, weights: null };
    setExchanges([...exchanges, begun]);
    setDraft("");
    void work(async (current, signal) => {
      // A lost signal is made up for: the stream reconnects after the last event that came.
      const stream = current.stream(request, { signal });
      for await (const reply of stream.texts()) change(index, { reply });
      const { id, reply } = await stream.result();
      change(index, { turnId: id, reply });
    });
  };

  const correct = (index: number, turnId: string, correction: string) =>
    void work(async (current, signal) => {
      const judgement = { reward: -1, correction, retry: true };
      const stream = current.feedbackStream(turnId, judgement, { signal });
      for await (const event of stream) {
        if (event.type === "words") change(index, { words: event.data });
        if (event.type === "weights") change(index, { weights: event.data });
      }
      const { turn } = await stream.result();
      if (turn !== undefined) change(index, { turnId: turn.id, reply: turn.reply });
    });

  return (
    <KeyboardAvoidingView
      style={styles.screen}
      behavior={Platform.OS === "ios" ? "padding" : undefined}
    >
      <ScrollView contentContainerStyle={styles.exchanges}>
        {exchanges.map((exchange, index) => (
          <ExchangeView
            key={index}
            exchange={exchange}
            busy={busy}
            onCorrect={(turnId, correction) => correct(index, turnId, correction)}
          />
        ))}
        {busy && <ActivityIndicator accessibilityLabel="Working" />}
        {failure !== null && (
          <Text style={styles.failure} accessibilityRole="alert">
            {failure}
          </Text>
        )}
      </ScrollView>
      <View style={styles.row}>
        <TextInput
          style={styles.field}
          value={draft}
          onChangeText={setDraft}
          onSubmitEditing={ask}
          placeholder="Write a request"
          accessibilityLabel="Your request"
          returnKeyType="send"
        />
        <Button title="Ask" disabled={busy} onPress={ask} />
      </View>
    </KeyboardAvoidingView>
  );
}

function ExchangeView({
  exchange: { turnId, request, reply, words, weights },
  busy,
  onCorrect,
}: {
  exchange: Exchange;
  busy: boolean;
  onCorrect(turnId: string, correction: string): void;
}) {
  const [correction, setCorrection] = useState("");
  return (
    <View style={styles.exchange}>
      <Text style={styles.request}>{request}</Text>
      {words?.changed === true && <Text style={styles.words}>model reads {words.after}</Text>}
      <Text style={styles.reply} accessibilityLiveRegion="polite">
        {reply}
      </Text>
      {weights !== null && (
        <Text style={styles.weights}>
          {weights.decision}: {weights.reason}
          {weights.shift_norm !== null && \` · shift \${weights.shift_norm.toFixed(2)}\`}
          {weights.ms !== null && \` · \${Math.round(weights.ms)} ms\`}
        </Text>
      )}
      {turnId !== null && (
        <View style={styles.row}>
          <TextInput
            style={styles.field}
            value={correction}
            onChangeText={setCorrection}
            placeholder="It should be …"
            accessibilityLabel="What the reply should have been"
          />
          <Button
            title="Correct"
            disabled={busy || correction.trim() === ""}
            onPress={() => {
              onCorrect(turnId, correction.trim());
              setCorrection("");
            }}
          />
        </View>
      )}
    </View>
  );
}

function Button(props: { title: string; disabled: boolean; onPress(): void }) {
  return (
    <Pressable
      style={[styles.button, props.disabled && styles.disabled]}
      accessibilityRole="button"
      disabled={props.disabled}
      onPress={props.onPress}
    >
      <Text style={styles.buttonText}>{props.title}</Text>
    </Pressable>
  );
}

const styles = StyleSheet.create({
  screen: { flex: 1, padding: 16, gap: 12, backgroundColor: "#faf9f6" },
  exchanges: { gap: 20, paddingBottom: 16 },
  exchange: { gap: 6 },
  request: { alignSelf: "flex-end", padding: 10, borderRadius: 14, backgroundColor: "#f2f0eb" },
  reply: { fontSize: 18 },
  words: { color: "#1f5fc4" },
  weights: { color: "#a44e12" },
  failure: { color: "#b02f29" },
  row: { flexDirection: "row", alignItems: "center", gap: 8 },
  field: {
    flex: 1,
    minHeight: 44,
    paddingHorizontal: 12,
    borderWidth: 1,
    borderColor: "#8f8a80",
    borderRadius: 10,
    fontSize: 16,
  },
  button: {
    minHeight: 44,
    justifyContent: "center",
    paddingHorizontal: 16,
    borderRadius: 10,
    backgroundColor: "#1d1c19",
  },
  buttonText: { color: "#ffffff", fontWeight: "600" },
  disabled: { opacity: 0.5 },
});
`,
  },
  Swift: {
    file: "quick-start.swift",
    text: `/// rosa2 from Swift: iOS 15 and macOS 12 on, nothing but Foundation. A phone holds no key: your back end
/// (token-server.ts is a small one) gives it a client token for its signed-in user.
import Foundation

struct Turn: Decodable { let id: String, prompt: String, reply: String, generation: String }

struct Feedback: Decodable {
  struct Words: Decodable { let changed: Bool, before: String, after: String }
  struct Weights: Decodable { let decision: String, reason: String, generation: String? }
  let words: Words, weights: Weights, turn: Turn?
}

struct Rosa2Error: Error, Decodable {
  struct Body: Decodable { let code: String, message: String }
  let error: Body
}

struct Rosa2 {
  let baseURL: URL
  let token: String
  private let decoder = JSONDecoder()

  init(baseURL: URL, token: String) {
    self.baseURL = baseURL
    self.token = token
  }

  /// Asks your own back end for the user's token. Where a call fails with the code \`invalid_key\`, it has expired: sign in again so.
  static func signedIn(baseURL: URL, tokenURL: URL, signIn: String) async throws -> Rosa2 {
    struct Answer: Decodable { let token: String }
    var request = URLRequest(url: tokenURL)
    request.httpMethod = "POST"
    request.setValue("Bearer \\(signIn)", forHTTPHeaderField: "Authorization")
    let (data, _) = try await URLSession.shared.data(for: request)
    return Rosa2(baseURL: baseURL, token: try JSONDecoder().decode(Answer.self, from: data).token)
  }

  func openSession(mode: String = "both") async throws -> String {
    struct Session: Decodable { let id: String }
    let body: [String: Any] = ["adaptation": ["mode": mode]]
    return try await json(Session.self, post("v1/sessions", body)).id
  }

  /// Asks, and tells the reply's text so far until it is whole. Returns the finished turn.
  func ask(_ session: String, _ content: String, onText: (String) -> Void) async throws -> Turn {
    let path = "v1/sessions/\\(session)/turns"
    var request = try post(path, ["content": content, "stream": true])
    var turn = ""
    var text = ""
    var lastId = "0"
    for attempt in 0...8 {
      do {
        let (bytes, response) = try await URLSession.shared.bytes(for: request)
        guard let http = response as? HTTPURLResponse, http.statusCode < 400 else {
          var body = Data()
          for try await byte in bytes { body.append(byte) }
          throw try decoder.decode(Rosa2Error.self, from: body)
        }
        turn = http.value(forHTTPHeaderField: "x-rosa2-turn") ?? turn
        var type = "message"
        for try await line in bytes.lines {
          if line.hasPrefix("id: ") { lastId = String(line.dropFirst(4)) }
          if line.hasPrefix("event: ") { type = String(line.dropFirst(7)) }
          guard line.hasPrefix("data: ") else { continue }
          let data = Data(line.dropFirst(6).utf8)
          switch type {
          case "delta":
            text += try decoder.decode([String: String].self, from: data)["text"] ?? ""
            onText(text)
          case "reset":
            text = ""
            onText(text)
          case "error": throw try decoder.decode(Rosa2Error.self, from: data)
          case "done": return try decoder.decode(Turn.self, from: data)
          default: break
          }
        }
      } catch let lost as URLError where lost.code != .cancelled {
        // Below it goes on after the last event that came.
      }
      try await Task.sleep(nanoseconds: 300_000_000 << min(attempt, 4))
      // Before the first answer the same request is sent again: its Idempotency-Key keeps it one turn.
      guard !turn.isEmpty else { continue }
      request = open("\\(path)/\\(turn)/events")
      request.setValue(lastId, forHTTPHeaderField: "Last-Event-ID")
    }
    throw URLError(.networkConnectionLost)
  }

  /// Says that a reply was wrong, in words and by the right reply; answers with words, weights and the new turn.
  func correct(_ session: String, _ turn: String, _ text: String, _ correction: String) async throws -> Feedback {
    let body: [String: Any] = ["reward": -1, "text": text, "correction": correction, "retry": true]
    return try await json(Feedback.self, post("v1/sessions/\\(session)/turns/\\(turn)/feedback", body))
  }

  private func open(_ path: String) -> URLRequest {
    var request = URLRequest(url: baseURL.appendingPathComponent(path))
    request.setValue("Bearer \\(token)", forHTTPHeaderField: "Authorization")
    request.timeoutInterval = 45  // the server gives a sign of life every 15 s
    return request
  }

  private func post(_ path: String, _ body: [String: Any]) throws -> URLRequest {
    var request = open(path)
    request.httpMethod = "POST"
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    request.setValue(UUID().uuidString, forHTTPHeaderField: "Idempotency-Key")
    request.httpBody = try JSONSerialization.data(withJSONObject: body)
    return request
  }

  private func json<T: Decodable>(_ type: T.Type, _ request: URLRequest) async throws -> T {
    let (data, response) = try await URLSession.shared.data(for: request)
    guard let http = response as? HTTPURLResponse, http.statusCode < 400 else {
      throw try decoder.decode(Rosa2Error.self, from: data)
    }
    return try decoder.decode(type, from: data)
  }
}

/// Meant are the last three. Which three is not said, and the two operations were never practised together.
func quickStart() async throws {
  let rosa2 = try await Rosa2.signedIn(
    baseURL: URL(string: "https://rosa2.example.com")!,
    tokenURL: URL(string: "https://app.example.com/token")!, signIn: "what your sign-in gave")
  let session = try await rosa2.openSession()
  let request = "Sort them, then take three, in brackets: 4 7 1 9"
  let turn = try await rosa2.ask(session, request) { print($0) }
  let result = try await rosa2.correct(session, turn.id, "the last three", "[4 7 9]")
  print("model reads ", result.words.after)
  print("weights     ", result.weights.reason)
  print("new reply   ", result.turn?.reply ?? "")
  let next = try await rosa2.ask(session, "Sort them, then take three, in brackets: 3 8 0 5") { _ in }
  print("another list", next.reply)  // [3 5 8]
}
`,
  },
  Kotlin: {
    file: "quick-start.kt",
    text: `/** rosa2 from Kotlin: Android and the JVM, nothing but what they bring. Call it off the main thread.
 * A phone holds no key: your back end (token-server.ts is a small one) gives it a client token for its signed-in user. */
import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import java.util.UUID
import org.json.JSONObject

class Rosa2Exception(val status: Int, val code: String, message: String) : IOException(message)

class Rosa2(private val baseUrl: String, private val token: String) {
    fun openSession(mode: String = "both"): String {
        val body = JSONObject().put("adaptation", JSONObject().put("mode", mode))
        return json(post("/v1/sessions", body)).getString("id")
    }

    /** Asks, and tells the reply's text so far until it is whole. Returns the finished turn. */
    fun ask(session: String, content: String, onText: (String) -> Unit): JSONObject {
        val path = "/v1/sessions/$session/turns"
        val body = JSONObject().put("content", content).put("stream", true)
        // The same key for every try: a request whose answer got lost stays one turn.
        val key = UUID.randomUUID().toString()
        var turn: String? = null
        var text = ""
        var lastId = 0
        for (attempt in 0..8) {
            try {
                // The phone lost its signal: go on after the last event that came, or ask again while none has.
                val connection = if (turn == null) post(path, body, key)
                    else connect("$path/$turn/events").apply { setRequestProperty("Last-Event-ID", "$lastId") }
                turn = connection.getHeaderField("x-rosa2-turn") ?: turn
                for ((id, type, data) in events(connection)) {
                    lastId = id
                    when (type) {
                        "delta" -> { text += data.getString("text"); onText(text) }
                        "reset" -> { text = ""; onText(text) }
                        "error" -> throw failure(200, data)
                        "done" -> return data
                    }
                }
            } catch (lost: IOException) {
                if (lost is Rosa2Exception) throw lost
            }
            Thread.sleep(300L shl minOf(attempt, 4))
        }
        throw IOException("The stream broke and could not be resumed")
    }

    /** Says that a reply was wrong, in words and by the right reply; answers with words, weights and the new turn. */
    fun correct(session: String, turn: String, text: String, correction: String): JSONObject {
        val body = JSONObject().put("reward", -1).put("text", text).put("correction", correction).put("retry", true)
        return json(post("/v1/sessions/$session/turns/$turn/feedback", body))
    }

    private fun connect(path: String): HttpURLConnection {
        val connection = URL(baseUrl + path).openConnection() as HttpURLConnection
        connection.setRequestProperty("Authorization", "Bearer $token")
        connection.connectTimeout = 10_000
        connection.readTimeout = 45_000 // the server gives a sign of life every 15 s
        return connection
    }

    private fun post(path: String, body: JSONObject, key: String = UUID.randomUUID().toString()): HttpURLConnection {
        val connection = connect(path)
        connection.requestMethod = "POST"
        connection.doOutput = true
        connection.setRequestProperty("Content-Type", "application/json")
        connection.setRequestProperty("Idempotency-Key", key)
        connection.outputStream.use { it.write(body.toString().toByteArray()) }
        return connection
    }

    private fun json(connection: HttpURLConnection) = JSONObject(check(connection).bufferedReader().readText())

    private fun check(connection: HttpURLConnection) =
        if (connection.responseCode < 400) connection.inputStream
        else throw failure(connection.responseCode, JSONObject(connection.errorStream.bufferedReader().readText()))

    private fun failure(status: Int, body: JSONObject): Rosa2Exception {
        val error = body.getJSONObject("error")
        return Rosa2Exception(status, error.getString("code"), error.getString("message"))
    }

    private fun events(connection: HttpURLConnection) = sequence {
        var id = 0
        var type = "message"
        for (line in check(connection).bufferedReader().lineSequence()) {
            when (line.substringBefore(":")) {
                "id" -> id = line.substring(4).toInt()
                "event" -> type = line.substring(7)
                "data" -> yield(Triple(id, type, JSONObject(line.substring(6))))
            }
        }
    }
}

/** Asks your own back end for the user's token. Where a call fails with the code \`invalid_key\`, it has expired: ask again. */
fun signedIn(baseUrl: String, tokenUrl: String, signIn: String): Rosa2 {
    val connection = URL(tokenUrl).openConnection() as HttpURLConnection
    connection.requestMethod = "POST"
    connection.setRequestProperty("Authorization", "Bearer $signIn")
    return Rosa2(baseUrl, JSONObject(connection.inputStream.bufferedReader().readText()).getString("token"))
}

/** Meant are the last three. Which three is not said, and the two operations were never practised together. */
fun main() {
    val env = System.getenv()
    val rosa2 = signedIn(env.getValue("ROSA2_URL"), env.getValue("TOKEN_URL"), env.getValue("SIGN_IN"))
    val session = rosa2.openSession()
    val turn = rosa2.ask(session, "Sort them, then take three, in brackets: 4 7 1 9") { println(it) }
    val result = rosa2.correct(session, turn.getString("id"), "the last three", "[4 7 9]")
    println("model reads  \${result.getJSONObject("words").getString("after")}")
    println("weights      \${result.getJSONObject("weights").getString("reason")}")
    println("new reply    \${result.getJSONObject("turn").getString("reply")}")
    val next = rosa2.ask(session, "Sort them, then take three, in brackets: 3 8 0 5") {}
    println("another list \${next.getString("reply")}") // [3 5 8]
}
`,
  },
};
