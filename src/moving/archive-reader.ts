import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { RegistryError } from '../errors/registry-error.ts';
import { refuse } from './backup-format.ts';

/** A part of an archive. Its content is read before the next one comes; what nobody read of it goes by. */
export interface ArchiveEntry {
  readonly name: string;
  readonly size: number;
  /** To be read once. Whoever stops early does no harm. */
  readonly content: AsyncIterable<Uint8Array>;
  /** All of it; BACKUP_INVALID when it has more than `most` bytes. */
  bytes(most: number): Promise<Uint8Array>;
}

/**
 * The entries of a tar archive, compressed or not, in their order. Fails with BACKUP_INVALID when it is no archive or ends early, and with
 * the error of `input` as it is.
 */
export async function* readArchive(input: Readable): AsyncGenerator<ArchiveEntry> {
  const archive = extract();
  let inputFailure: { readonly cause: unknown } | null = null;
  const noted = async function* () {
    try {
      yield* input;
    } catch (cause) {
      inputFailure = { cause };
      throw cause;
    }
  };
  const toFailure = (thrown: unknown): unknown => (inputFailure === null ? invalid(thrown) : inputFailure.cause);

  const bytes = Readable.from(decompressed(noted()), { objectMode: false });
  bytes.on('error', (error) => archive.destroy(error));
  bytes.pipe(archive);
  try {
    for await (const entry of archive) {
      const { name, size = 0, type } = entry.header;
      if (type !== 'file') refuse(`"${name}" is not a file`);
      // By hand: a loop that is left early would take the whole archive with it.
      const reading: AsyncIterator<unknown> = entry[Symbol.asyncIterator]();
      const content = async function* () {
        try {
          for (let step = await reading.next(); step.done !== true; step = await reading.next()) {
            if (step.value instanceof Uint8Array) yield step.value;
          }
        } catch (thrown) {
          throw toFailure(thrown);
        }
      };
      yield {
        name,
        size,
        content: content(),
        bytes: (most) => (size > most ? refuse(`"${name}" is too large`) : buffer(content())),
      };
      for await (const _ of content());
    }
  } catch (thrown) {
    throw toFailure(thrown);
  } finally {
    bytes.destroy();
    input.destroy();
  }
}

/** What goes wrong between the file and its entries is about the form of the file. */
function invalid(thrown: unknown): RegistryError {
  if (thrown instanceof RegistryError) return thrown;
  if (thrown instanceof Error && /unexpected end/i.test(thrown.message)) {
    return new RegistryError('BACKUP_INVALID', { message: 'The file is not a whole backup: it ends early' });
  }
  const message = 'The file is not a whole backup: it is damaged, or something else';
  return new RegistryError('BACKUP_INVALID', { message, cause: thrown });
}

/** Gzip is known by its first two bytes (RFC 1952, section 2.3.1). */
async function* decompressed(input: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head = Buffer.alloc(0);
  for (let step = await input.next(); step.done !== true; step = await input.next()) {
    head = Buffer.concat([head, step.value]);
    if (head.length >= 2) break;
  }
  const all = async function* () {
    yield head;
    yield* input;
  };
  if (head[0] === 0x1f && head[1] === 0x8b) {
    const plain = Readable.from(all(), { objectMode: false });
    const gunzip = createGunzip();
    plain.on('error', (error) => gunzip.destroy(error));
    yield* plain.pipe(gunzip);
  } else yield* all();
}
