/** Edits of one input, drawn from its own bytes, so that the same input always has the same ones. It knows no parser. */

/** What an edit changes at once: bytes set, taken out, repeated, or swapped for a part from elsewhere in the input. */
const editsMax = 4;
const partMax = 16;

/** The input itself first, then `count` edits of it. */
export function* withEdits(
  bytes: Uint8Array<ArrayBuffer>,
  count: number,
): Generator<Uint8Array<ArrayBuffer>> {
  yield bytes;
  const draw = drawer(bytes);
  for (let i = 0; i < count; i++) {
    let edit = bytes;
    for (let n = 1 + draw(editsMax); n > 0; n--) edit = editOnce(edit, draw);
    yield edit;
  }
}

function editOnce(
  bytes: Uint8Array<ArrayBuffer>,
  draw: (below: number) => number,
): Uint8Array<ArrayBuffer> {
  const { length } = bytes;
  const at = draw(length + 1);
  const kind = draw(4);
  if (kind === 0 && at < length) {
    const set = bytes.slice();
    set[at] = draw(256);
    return set;
  }
  const from = draw(length + 1);
  const part = kind === 1 ? bytes.subarray(0, 0) : bytes.subarray(from, from + draw(partMax + 1));
  const end = kind === 2 ? at : Math.min(length, at + draw(partMax + 1));
  const made = new Uint8Array(at + part.length + length - end);
  made.set(bytes.subarray(0, at));
  made.set(part, at);
  made.set(bytes.subarray(end), at + part.length);
  return made;
}

/** Numbers from 0 up to below a bound (FNV-1a over the bytes, then xorshift). */
function drawer(bytes: Uint8Array): (below: number) => number {
  let state = 2_166_136_261;
  for (const byte of bytes) state = Math.imul(state ^ byte, 16_777_619);
  state ||= 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
