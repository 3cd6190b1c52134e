/** What the stand-in of the model says in the tests of real clients, by what it is asked; calls as Qwen writes them. */
const call = (city: string) =>
  `<tool_call>\n{"name": "weather", "arguments": {"city": "${city}"}}\n</tool_call>`;
export const toolReplies = [
  { to: "the weather", reply: call("Oslo") },
  { to: "both cities", reply: `${call("Oslo")}\n${call("Bergen")}` },
  { to: "an object", reply: '{"city": "Oslo"}' },
  { to: "rain in", reply: "It rains." },
];
