/** Reads a stretch of an open file completely. It knows positions, not what lies there. */
import { readSync } from "node:fs";

/** One read of node:fs takes at most 2 GiB. */
const readBytesMax = 2 ** 30;

/** Fills `bytes` from `position` on. Returns the bytes read: fewer than asked for at the end of the file. */
export function readAt(descriptor: number, bytes: Uint8Array, position: number): number {
  let done = 0;
  while (done < bytes.length) {
    const want = Math.min(bytes.length - done, readBytesMax);
    const got = readSync(descriptor, bytes, done, want, position + done);
    if (got === 0) break;
    done += got;
  }
  return done;
}
