import { Readable } from 'node:stream';
import { RegistryError } from '../errors/registry-error.ts';
import type { ByteHandle, OpenBytes } from '../language/values.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import { keep } from '../shared/passing-bytes.ts';
import type { EngineRequest } from './exchange.ts';

const NO_DIGESTS = Object.freeze({});

/** A body that declares so many bytes at most is read as a whole: a stream costs more than it saves. */
const SMALL_BYTES = 64 * 1024;

/**
 * `request.body`: bytes that come once, counted while they come. BODY_TOO_LARGE past the registry's limit, BODY_TRUNCATED where the
 * client stops before the length it declared or breaks off, BODY_CONSUMED the second time. Small ones come in one piece.
 */
export class RequestBody implements ByteHandle {
  readonly isByteHandle = true;
  readonly reopenable = false;
  readonly digests = NO_DIGESTS;
  readonly #request: EngineRequest;
  readonly #maxBytes: number;
  #state: 'unread' | 'reading' | 'read' = 'unread';

  constructor(request: EngineRequest, maxBytes: number) {
    this.#request = request;
    this.#maxBytes = maxBytes;
  }

  get size(): number | null {
    return this.#request.body === null ? 0 : this.#request.contentLength;
  }

  get mediaType(): string | null {
    for (const [name, value] of this.#request.headers) if (name === 'content-type') return value;
    return null;
  }

  /** Whether bytes are left on the connection that nobody will read. */
  get hasUnreadBytes(): boolean {
    return this.#request.body !== null && this.#state !== 'read';
  }

  open(): MaybePromise<OpenBytes> {
    if (this.#state !== 'unread') throw new RegistryError('BODY_CONSUMED');
    this.#state = 'reading';
    const { body, contentLength } = this.#request;
    if (body === null) {
      this.#state = 'read';
      return { size: 0, bytes: new Uint8Array(0), stream: null };
    }
    if (contentLength !== null && contentLength <= SMALL_BYTES) return this.#whole(body, contentLength);
    return { size: this.size, bytes: null, stream: Readable.from(this.#counted(body), { objectMode: false }) };
  }

  #whole(body: Readable, declared: number): Promise<OpenBytes> {
    const { promise, resolve, reject } = Promise.withResolvers<OpenBytes>();
    const chunks: Uint8Array[] = [];
    let count = 0;
    const end = () => {
      if (count < declared) return reject(new RegistryError('BODY_TRUNCATED'));
      this.#state = 'read';
      resolve({ size: declared, bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, count), stream: null });
    };
    if (body.readableEnded) end();
    body.on('data', (chunk: Uint8Array) => {
      count += chunk.length;
      chunks.push(keep(chunk));
      if (count <= this.#maxBytes) return;
      reject(this.#tooLarge());
      body.destroy();
    });
    body.once('end', end);
    body.once('error', (thrown) => reject(asTruncated(thrown)));
    // Without an end or an error before it. An error is dear to make, and every body is closed.
    body.once('close', () => {
      if (this.#state !== 'read') reject(new RegistryError('BODY_TRUNCATED'));
    });
    if (body.destroyed) reject(asTruncated(body.errored));
    return promise;
  }

  async *#counted(body: Readable): AsyncGenerator<Uint8Array> {
    const declared = this.#request.contentLength;
    let count = 0;
    try {
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        count += chunk.length;
        if (count > this.#maxBytes) throw this.#tooLarge();
        yield chunk;
      }
    } catch (thrown) {
      throw asTruncated(thrown);
    }
    if (declared !== null && count < declared) throw new RegistryError('BODY_TRUNCATED');
    this.#state = 'read';
  }

  #tooLarge(): RegistryError {
    return new RegistryError('BODY_TOO_LARGE', { details: { limit: this.#maxBytes } });
  }
}

function asTruncated(thrown: unknown): RegistryError {
  return thrown instanceof RegistryError ? thrown : new RegistryError('BODY_TRUNCATED', { cause: thrown });
}
