/** Texts that patterns and loops over words take longest for, by what they repeat; each as long as is asked for. */

const units: readonly string[] = [
  ...[
    " ",
    "\n",
    ".",
    ",",
    "!",
    "… ",
    "- ",
    "# ",
    "( ",
    "“",
    "«",
    '"',
    "'",
    "`",
    "```",
    "<|",
    "$",
    "1.",
    "5 ",
  ],
  ...[
    "a",
    "é",
    "A ",
    "a@",
    "x. ",
    "a!",
    "::",
    ": ",
    ", ",
    "system ",
    "system\n",
    "\n# ",
    "https://",
  ],
  ...["no ", "not ", "not a ", "always ", "try again ", "I want ", "5 names, not ", "too long "],
  ...[
    "sort them ",
    "and ",
    "in English ",
    "bullet points ",
    "short, ",
    "one word ",
    "mention the van. ",
  ],
];

/** So many characters of each unit; with another character at the end, which spoils what nearly matched. */
export function worstInputs(chars: number): string[] {
  const filled = (unit: string) => unit.repeat(Math.ceil(chars / unit.length)).slice(0, chars - 1);
  return units.flatMap((unit) => [
    `a${filled(unit)}`,
    `${filled(unit)}z`,
    // Marks and spaces that end nowhere, and a remark that begins in order.
    `...${filled(unit).slice(3)}a`,
    `mention ${filled(unit).slice(8)}`,
  ]);
}
