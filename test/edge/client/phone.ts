/**
 * Stands in for a phone in the test of an app's screen. React Native's elements are their names, which React's own
 * renderer accepts; the network reaches the Worker and the app's back end.
 */
import { toWorker } from "./support.ts";

export const ActivityIndicator = "ActivityIndicator";
export const KeyboardAvoidingView = "KeyboardAvoidingView";
export const Pressable = "Pressable";
export const ScrollView = "ScrollView";
export const Text = "Text";
export const TextInput = "TextInput";
export const View = "View";
export const Platform = { OS: "ios" };
export const StyleSheet = { create: <T>(styles: T): T => styles };

/** The app's back ends by address; every other address is the Worker's. */
export const backEnds = new Map<string, (signIn: string) => Promise<Response>>();

export const fetch: typeof globalThis.fetch = async (input, init) => {
  const request = new Request(input as string, init);
  const answer = backEnds.get(request.url);
  if (answer === undefined) return toWorker(request);
  return answer((request.headers.get("authorization") ?? "").replace("Bearer ", ""));
};
