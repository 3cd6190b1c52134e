/** The documents' screen as its test imports it: its own types need React Native's, which are not installed. */
declare module "examples/ChatScreen" {
  import type { FunctionComponent } from "react";
  export const ChatScreen: FunctionComponent<{ baseUrl: string; tokenUrl: string; signIn: string }>;
}
