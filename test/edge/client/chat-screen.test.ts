/** The documents' screen for React Native, rendered by React, against the real Worker; its elements stand for a phone's. */
import { ChatScreen } from "examples/ChatScreen";
import { createElement } from "react";
import { create } from "react-test-renderer";
import { describe, expect, it } from "vitest";
import { eventually, newTenant } from "../support/client.ts";
import { backEnds } from "./phone.ts";

/** The screen of a user with that sign-in; only `secret-of-ann` is a right one. */
async function screen(signIn: string) {
  const server = await newTenant();
  const tokenUrl = `http://${server.tenantId}.test/token`;
  backEnds.set(tokenUrl, async (given) => {
    if (given !== "secret-of-ann") return new Response("Sign in first", { status: 401 });
    return server.post("/v1/client_tokens", { owner: "ann" });
  });
  const props = { baseUrl: "http://rosa2.test", tokenUrl, signIn };
  const shown = create(createElement(ChatScreen, props));
  await eventually(
    async () => shown.toJSON(),
    (drawn) => drawn !== null,
  );
  const texts = () =>
    shown.root
      .findAll(({ type }) => type === ("Text" as unknown))
      .map(({ children }) => children.filter((child) => typeof child === "string").join(""));
  return {
    server,
    until: (text: string) =>
      eventually(
        async () => texts(),
        (all) => all.includes(text),
      ),
    async write(label: string, text: string) {
      const field = () => shown.root.findByProps({ accessibilityLabel: label }).props;
      field().onChangeText(text);
      await eventually(
        async () => field().value,
        (value) => value === text,
      );
    },
    async press(title: string) {
      const button = await eventually(
        async () => shown.root.findByProps({ title }).props,
        ({ disabled }) => !disabled,
      );
      button.onPress();
    },
    leave: () => shown.unmount(),
  };
}

describe("ChatScreen", () => {
  it("asks, shows the reply, and shows what a correction changed", async () => {
    const { server, until, write, press, leave } = await screen("secret-of-ann");
    await write("Your request", "Say yes please");
    await press("Ask");
    await until("echo: Say yes please");
    await until("Correct");
    await write("What the reply should have been", "yes");
    await press("Correct");
    const after = await until("yes");
    expect(after.some((text) => text.startsWith("updated: "))).toBe(true);
    const { data } = await server.get<{ data: { owner: string }[] }>("/v1/sessions");
    expect(data.map(({ owner }) => owner)).toEqual(["ann"]);
    leave();
  });

  it("shows an error where the back end gives no token", async () => {
    const { until, write, press, leave } = await screen("a guess");
    await write("Your request", "Say yes please");
    await press("Ask");
    await until("Please sign in again.");
    leave();
  });
});
