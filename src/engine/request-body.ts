import { Readable } from 'node:stream';
import { RegistryError } from '../errors/registry-error.ts';
import type { ByteHandle, OpenBytes } from '../language/values.ts';
import type { EngineRequest } from './exchange.ts';

const NO_DIGESTS = Object.freeze({});

/**
 * `request.body`: bytes that come once, counted while they come. BODY_TOO_LARGE past the registry's limit, BODY_TRUNCATED where the
 * client stops before the length it declared or breaks off, BODY_CONSUMED the second time.
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

  open(): OpenBytes {
    if (this.#state !== 'unread') throw new RegistryError('BODY_CONSUMED');
    this.#state = 'reading';
    const body = this.#request.body;
    if (body === null) {
      this.#state = 'read';
      return { size: 0, bytes: new Uint8Array(0), stream: null };
    }
    return { size: this.size, bytes: null, stream: Readable.from(this.#counted(body), { objectMode: false }) };
  }

  async *#counted(body: Readable): AsyncGenerator<Uint8Array> {
    const declared = this.#request.contentLength;
    let count = 0;
    try {
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        count += chunk.length;
        if (count > this.#maxBytes) {
          throw new RegistryError('BODY_TOO_LARGE', { details: { limit: this.#maxBytes } });
        }
        yield chunk;
      }
    } catch (thrown) {
      if (thrown instanceof RegistryError) throw thrown;
      throw new RegistryError('BODY_TRUNCATED', { cause: thrown });
    }
    if (declared !== null && count < declared) throw new RegistryError('BODY_TRUNCATED');
    this.#state = 'read';
  }
}
