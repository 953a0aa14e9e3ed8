import { createHash, hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { CacheStats, ObjectCache } from '../ports/cache.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import { ownBytes } from '../shared/own-bytes.ts';
import { createSlices } from '../shared/slices.ts';
import type { Built, ResponseDraft } from './contract.ts';
import { codable } from './http-semantics.ts';

interface KeptRepresentation {
  readonly version: number;
  readonly draft: ResponseDraft;
}

/**
 * Responses kept ready, as plain bytes and as gzip. Each is made from a record, and from what is written together with it, by the first
 * who asks after a change; whoever asks meanwhile waits for the same. Least recently read goes first.
 */
export class Representations {
  readonly #kept: ObjectCache<KeptRepresentation>;
  readonly #building = new Map<string, Promise<ResponseDraft>>();
  #hits = 0;
  #misses = 0;

  constructor(kept: ObjectCache<KeptRepresentation>) {
    this.#kept = kept;
  }

  /** The answer under the key, made of this version of the record or a later one. */
  answer(key: string, version: number, build: () => Promise<Built>): MaybePromise<ResponseDraft> {
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.version >= version) {
      this.#hits++;
      return kept.draft;
    }
    const turn = `${version}\n${key}`;
    const building = this.#building.get(turn);
    if (building !== undefined) return building;
    this.#misses++;
    const made = this.#make(key, build).finally(() => this.#building.delete(turn));
    this.#building.set(turn, made);
    return made;
  }

  stats(): CacheStats {
    return { hits: this.#hits, misses: this.#misses, entries: this.#kept.entries, bytes: this.#kept.bytes };
  }

  async #make(key: string, build: () => Promise<Built>): Promise<ResponseDraft> {
    const { version, draft } = await build();
    if (version === null || draft.status !== 200 || draft.body.kind !== 'text') return draft;
    const ready = await made(draft, draft.body.text);
    this.#kept.set(key, { version, draft: ready.draft }, ready.bytes);
    return ready.draft;
  }
}

const gzipAsync = promisify(gzip);

async function made(draft: ResponseDraft, text: string): Promise<{ draft: ResponseDraft; bytes: number }> {
  const plain = ownBytes(Buffer.from(text));
  const coded = codable(draft, text, draft.headers) ? ownBytes(await gzipAsync(plain)) : null;
  const etag = draft.etag ?? (await tagOf(plain));
  return {
    draft: { ...draft, etag, body: { kind: 'kept', plain, gzip: coded } },
    bytes: plain.byteLength + (coded?.byteLength ?? 0),
  };
}

/** What is hashed without letting others go first. */
const PIECE_BYTES = 1024 * 1024;

async function tagOf(bytes: Buffer): Promise<string> {
  if (bytes.length <= PIECE_BYTES) return hash('sha256', bytes, 'base64url');
  const hashing = createHash('sha256');
  const slices = createSlices();
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    hashing.update(bytes.subarray(at, at + PIECE_BYTES));
    if (slices.isOver()) await slices.rest();
  }
  return hashing.digest('base64url');
}
