/** Files as a zip archive that is made while it is sent; stored uncompressed, because numbers do not compress. */
import { Zip, ZipPassThrough } from "fflate";

/** Bytes that one turn of the event loop checks and copies, in well under a millisecond. */
const chunkBytes = 262_144;
/** A fixed time, so that archives of the same files are equal. */
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
