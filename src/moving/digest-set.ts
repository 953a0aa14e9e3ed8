import { parseDigest } from '../shared/digest.ts';

const BYTES = 32;
/** Of the table, at most; beyond it grows. */
const MOST_FILLED = 0.5;

/**
 * A set of sha256 digests in 64 to 128 bytes each: as texts in a `Set`, those of a million blobs would take a quarter of a gigabyte.
 * An open-addressed table; a digest is its own hash.
 */
export class DigestSet implements Iterable<string> {
  #table = Buffer.alloc(1024 * BYTES);
  #size = 0;
  /** The digest of zeros marks free places. */
  #hasZero = false;

  get size(): number {
    return this.#size + (this.#hasZero ? 1 : 0);
  }

  /** Takes `sha256:<hex>`; false for anything else. */
  add(digest: string): boolean {
    const parsed = parseDigest(digest);
    if (parsed?.algorithm !== 'sha256') return false;
    const bytes = Buffer.from(parsed.hex, 'hex');
    if (isFree(bytes, 0)) this.#hasZero = true;
    else if (insert(this.#table, bytes)) {
      this.#size++;
      if (this.#size * BYTES > this.#table.length * MOST_FILLED) this.#grow();
    }
    return true;
  }

  /** In byte order. The set must not change meanwhile. */
  *[Symbol.iterator](): Iterator<string> {
    if (this.#hasZero) yield textOf(Buffer.alloc(BYTES));
    const table = this.#table;
    const places = new Uint32Array(this.#size);
    let found = 0;
    for (let at = 0; at < table.length; at += BYTES) if (!isFree(table, at)) places[found++] = at / BYTES;
    places.sort((a, b) => table.compare(table, b * BYTES, (b + 1) * BYTES, a * BYTES, (a + 1) * BYTES));
    for (const place of places) yield textOf(table.subarray(place * BYTES, (place + 1) * BYTES));
  }

  #grow(): void {
    const next = Buffer.alloc(this.#table.length * 2);
    for (let at = 0; at < this.#table.length; at += BYTES) {
      if (!isFree(this.#table, at)) insert(next, this.#table.subarray(at, at + BYTES));
    }
    this.#table = next;
  }
}

function insert(table: Buffer, digest: Buffer): boolean {
  const places = table.length / BYTES;
  for (let place = digest.readUInt32LE(0) % places; ; place = (place + 1) % places) {
    const at = place * BYTES;
    if (isFree(table, at)) {
      digest.copy(table, at);
      return true;
    }
    if (table.compare(digest, 0, BYTES, at, at + BYTES) === 0) return false;
  }
}

function isFree(table: Buffer, at: number): boolean {
  for (let place = at; place < at + BYTES; place++) if (table[place] !== 0) return false;
  return true;
}

function textOf(digest: Buffer): string {
  return `sha256:${digest.toString('hex')}`;
}
