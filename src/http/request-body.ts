import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { RegistryError } from '../errors/registry-error.ts';
import { passOn } from '../shared/passing-bytes.ts';

/**
 * The bytes of a request as the engine reads them. It stands in front of the connection's own stream for two reasons: whoever stops
 * reading half-way destroys what he reads, and with the bare stream that would take the connection away before the client has its
 * 413; and `100 Continue` is due only when somebody asks for the first byte.
 *
 * Fails with BODY_TRUNCATED when the connection ends before the body does.
 */
export class RequestBody extends Readable {
  readonly #incoming: IncomingMessage;
  readonly #onWanted: (() => void) | null;
  #started = false;
  #receivedBytes = 0;

  /** `onWanted` is called once, before the first byte is read. */
  constructor(incoming: IncomingMessage, onWanted: (() => void) | null) {
    // One chunk at a time: several would be copied into one. What comes meanwhile waits in front.
    super({ highWaterMark: 1 });
    this.#incoming = incoming;
    this.#onWanted = onWanted;
    // A reader that has left hears no error; the process must not die of it.
    this.on('error', () => {});
  }

  /** Bytes that came off the connection so far. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Whether anybody asked for a byte. */
  get wanted(): boolean {
    return this.#started;
  }

  override _read(): void {
    if (!this.#started) {
      this.#started = true;
      if (this.#incoming.destroyed) {
        this.destroy(new RegistryError('BODY_TRUNCATED'));
        return;
      }
      this.#incoming.on('data', this.#onData);
      this.#incoming.on('end', this.#onEnd);
      this.#incoming.on('error', this.#onBroken);
      this.#incoming.on('close', this.#onBroken);
      this.#onWanted?.();
    }
    this.#incoming.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#release();
    this.#incoming.pause();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#receivedBytes += chunk.length;
    if (!this.push(passOn(chunk))) this.#incoming.pause();
  };

  readonly #onEnd = (): void => {
    this.#release();
    this.push(null);
  };

  readonly #onBroken = (cause?: Error): void => {
    this.destroy(new RegistryError('BODY_TRUNCATED', { cause }));
  };

  #release(): void {
    this.#incoming.off('data', this.#onData);
    this.#incoming.off('end', this.#onEnd);
    this.#incoming.off('error', this.#onBroken);
    this.#incoming.off('close', this.#onBroken);
  }
}
