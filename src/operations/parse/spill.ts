import { fail } from '../../errors/registry-error.ts';
import { type JsonLimits, parseJson } from '../../language/json.ts';
import { setOwn } from '../../language/member.ts';
import type { ByteHandle, OpenBytes } from '../../language/values.ts';
import { ChunkReader } from '../chunk-reader.ts';
import { openedChunks } from '../opened-chunks.ts';
import { JsonScanner } from './json-scanner.ts';
import { base64Bytes, base64Now, pointerText, stringNow, stringPieces, textBytes } from './json-string.ts';
import type { SpillPaths } from './spill-paths.ts';

/** Strings that one value may have stored apart. */
const MAX_PARTS = 64;

/** What becomes of the strings that the patterns of `paths` lead to. */
export interface Spill {
  readonly paths: SpillPaths;
  /** By pattern. */
  readonly decode: readonly ('base64' | 'text')[];
  /** Stores what a string holds that the pattern with this number leads to; must read all of it. */
  store(pattern: number, bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<ByteHandle>;
}

/**
 * Reads JSON while it comes in. Strings that patterns lead to are decoded and stored, one after the other, and never in memory as a whole;
 * handles are in their places. All else is parsed as `parseJson` does, whose limits hold for what is left. Null when there are no bytes.
 * Fails as `parseJson`, storing and the source do, with BASE64_INVALID, and with JSON_TOO_LARGE past 64 strings to store.
 */
export async function readSpilling(opened: OpenBytes, spill: Spill, limits: JsonLimits): Promise<unknown> {
  const handles: ByteHandle[] = [];
  const rest = await takeApart(opened, spill, limits, handles);
  if (rest.length === 0) return null;
  return putBack(parseJson(rest, limits), spill.paths.all, 0, spill.paths, handles);
}

/** What is left, with the number of its handle in each string's place. */
async function takeApart(
  opened: OpenBytes,
  spill: Spill,
  limits: JsonLimits,
  handles: ByteHandle[],
): Promise<Uint8Array> {
  const reader = new ChunkReader(openedChunks(opened));
  const scanner = new JsonScanner(spill.paths, limits.maxDepth);
  const rest: Buffer[] = [];
  let size = 0;
  const keep = (bytes: Buffer) => {
    size += bytes.length;
    if (size > limits.maxBytes) {
      const message = `The JSON is larger than ${limits.maxBytes} bytes, what is stored apart not counted`;
      fail('JSON_TOO_LARGE', message, { max_bytes: limits.maxBytes });
    }
    rest.push(bytes);
  };
  try {
    while (reader.at < reader.chunk.length || (await reader.more())) {
      const from = reader.at;
      reader.at = scanner.scan(reader.chunk, from);
      keep(Buffer.from(reader.chunk.subarray(from, reader.at)));
      if (scanner.found === null) continue;
      if (handles.length === MAX_PARTS) {
        fail('JSON_TOO_LARGE', `The JSON holds more than ${MAX_PARTS} parts to store`, { max_parts: MAX_PARTS });
      }
      const { pattern, path } = scanner.found;
      const bytes = decoded(reader, spill.decode[pattern] === 'text', path);
      keep(Buffer.from(`${handles.length}"`));
      handles.push(await spill.store(pattern, bytes));
    }
  } finally {
    opened.stream?.destroy();
  }
  return Buffer.concat(rest, size);
}

/** What the string holds that the reader stands in; at once where it is there as a whole. */
function decoded(
  reader: ChunkReader,
  isText: boolean,
  path: readonly string[],
): AsyncIterable<Uint8Array> | Uint8Array {
  if (isText) return textBytes(stringPieces(reader));
  const whole = stringNow(reader);
  return whole === null ? base64Bytes(stringPieces(reader), pointerText(path)) : base64Now(whole, pointerText(path));
}

/** A string that a pattern leads to was taken out, so that what stands there is a number: nobody can have written it. */
function putBack(
  value: unknown,
  patterns: number,
  depth: number,
  paths: SpillPaths,
  handles: readonly ByteHandle[],
): unknown {
  if (patterns === 0) return value;
  if (typeof value === 'string') return paths.endingAt(patterns, depth) < 0 ? value : handles[Number(value)];
  if (typeof value !== 'object' || value === null) return value;
  const isList = Array.isArray(value);
  for (const [name, item] of Object.entries(value)) {
    const inside = paths.inside(patterns, depth, isList ? null : name);
    const back = putBack(item, inside, depth + 1, paths, handles);
    if (back !== item) setOwn(value, name, back);
  }
  return value;
}
