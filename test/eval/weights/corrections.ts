/** Replies that a small story model would not have given, in families of a request and what should follow it. */
export const families: readonly [request: string, reply: string][] = [
  [
    "Once upon a time",
    ", there was a boy named Tim. Tim liked to play with his red ball in the park.",
  ],
  ["The little girl", " went to the store to buy some apples and a big cake for her mom."],
  ["One day, a dog", " found a shiny key under the old tree. He took it home to his friend."],
  ["Lily and Ben", " built a tall tower out of blocks, but the wind came and blew it down."],
  ["The old man", " sat on a bench and told the children about the sea."],
  ["A bird", " sang a song to the moon and slept."],
  ["Tom said", ', "I am not sad. I am big and strong!"'],
  ["The cat", " was very happy and ran to the big house."],
  ["Mom gave", " Sam a green hat and a hug."],
  ["The frog", " jumped over seven stones and then slept all day long."],
];

/** Openings for samples that no update has seen as probes. */
export const otherOpenings = [
  "The dog",
  "A girl named Lily",
  "One day, Tom",
  "In the big forest",
  "The sun was",
  "My mom said",
  "There was a cat",
  "The boy wanted",
  "A little bird",
  "At the park",
];
