/**
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
      const headers = { authorization: `Bearer ${signIn}` };
      const answer = await fetch(tokenUrl, { method: "POST", headers });
      // With a status it is told at once; a back end that cannot be reached is tried again.
      if (answer.status === 401) throw new Rosa2Error("Please sign in again.", { status: 401 });
      if (!answer.ok) throw new Error(`No token: ${answer.status}`);
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
          {weights.shift_norm !== null && ` · shift ${weights.shift_norm.toFixed(2)}`}
          {weights.ms !== null && ` · ${Math.round(weights.ms)} ms`}
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
