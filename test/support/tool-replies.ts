/** Replies of the stand-in for the model in the tests of real clients, by request. Calls are in Qwen's format. */
const call = (city: string) =>
  `<tool_call>\n{"name": "weather", "arguments": {"city": "${city}"}}\n</tool_call>`;
export const toolReplies = [
  { to: "the weather", reply: call("Oslo") },
  { to: "both cities", reply: `${call("Oslo")}\n${call("Bergen")}` },
  { to: "an object", reply: '{"city": "Oslo"}' },
  { to: "rain in", reply: "It rains." },
];
