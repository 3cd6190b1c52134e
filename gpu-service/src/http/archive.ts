/** Files as a zip archive that is made while it is sent; stores them as they are, for numbers do not compress. */
import { Zip, ZipPassThrough } from "fflate";

/** What one turn of the event loop may spend on check sums and copies: well under a millisecond. */
const chunkBytes = 262_144;
/** Archives of the same files are the same, so the time is none in particular. */
const modifiedAt = "1980-01-01T00:00:00";

export function zipStream(
  files: Record<string, Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = zipChunks(files);
  return new ReadableStream({
    pull(controller) {
      const { done, value } = chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

function* zipChunks(files: Record<string, Uint8Array<ArrayBuffer>>) {
  let made: Uint8Array<ArrayBuffer>[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    made.push(chunk as Uint8Array<ArrayBuffer>);
  });
  for (const [name, bytes] of Object.entries(files)) {
    const file = new ZipPassThrough(name);
    file.mtime = modifiedAt;
    zip.add(file);
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      const end = at + chunkBytes;
      file.push(bytes.subarray(at, end), end >= bytes.length);
      yield* made;
      made = [];
    }
  }
  zip.end();
  yield* made;
}
