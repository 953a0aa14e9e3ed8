import { Readable } from 'node:stream';
import { RegistryError, toRegistryError } from '../errors/registry-error.ts';
import type { ByteHandle } from '../language/values.ts';
import type { GrowingBytes } from '../ports/blob-store.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';

/**
 * Nobody gets the last so many bytes before all of them are known to be right: what turns out wrong never reaches a clean end, and what is
 * no larger fails before anything of it was sent.
 */
const HELD_BACK_BYTES = 64 * 1024;
/** Read at once for each reader. */
const PIECE_BYTES = 64 * 1024;

/** What is known of the content before it comes. */
export interface FillHead {
  /** In bytes; null where nobody says. */
  readonly size: number | null;
  readonly mediaType: string | null;
}

/** The parts of a fill, each done once, in this order. What fails in the first two fails for all who read. */
export interface FillWork {
  /** Asks for the content. */
  ask(signal: AbortSignal): Promise<FillHead>;
  /** Stores it; fails where it is not what it should be. */
  store(onGrowth: (growing: GrowingBytes) => void): Promise<ByteHandle>;
  /** Commits what names it. */
  commit(blob: ByteHandle): MaybePromise<unknown>;
  /** Lets go of what is held, whatever happened. */
  end(): void;
}

/**
 * Content on its way into a blob store, and those who read it meanwhile: each from what is written, at its own pace, so that nobody waits
 * for the slowest and no memory is taken for it. Goes on when they have left. What they read ends when the commit is through, so that it
 * is found by whoever asks next; when that fails it ends all the same, because the content is right.
 */
export class Fill {
  readonly head: Promise<FillHead>;
  /** Resolves when there is something to read, or all is over; fails with what made the fill fail before that. */
  readonly begun: Promise<void>;
  /** Resolves when all is over: with the stored blob; with null where nothing was kept. */
  readonly over: Promise<ByteHandle | null>;
  /** The stored blob, when what names it is committed. */
  kept: ByteHandle | null = null;
  isOver = false;
  #growing: GrowingBytes | null = null;
  /** Bytes of the whole, once all is stored and what follows is done. */
  #whole: number | null = null;
  #failure: RegistryError | null = null;
  /** Those who may read, and the fill itself. */
  #holders = 1;
  readonly #waiting = new Set<() => void>();

  /** Begins at once. `onCommitFailed` is told of what no reader sees. */
  constructor(work: FillWork, signal: AbortSignal, onCommitFailed: (cause: unknown) => void) {
    const begun = Promise.withResolvers<void>();
    this.begun = begun.promise;
    this.head = work.ask(signal);
    this.over = this.#run(work, begun.resolve, onCommitFailed);
    // Who asked may have left before.
    this.head.catch(ignore);
    this.begun.catch(ignore);
    this.over.then(() => (this.#failure === null ? begun.resolve() : begun.reject(this.#failure)));
  }

  /** A place among the readers, held until it is left; the content can be read once or several times. To be called before all is over. */
  join(): { open(): Readable; leave(): void } {
    this.#holders++;
    let isHeld = true;
    return {
      open: () => this.#open(),
      leave: () => {
        if (isHeld) this.#release();
        isHeld = false;
      },
    };
  }

  async #run(work: FillWork, begin: () => void, onCommitFailed: (cause: unknown) => void): Promise<ByteHandle | null> {
    try {
      await this.head;
      const blob = await work.store((growing) => {
        this.#growing = growing;
        if (growing.size > HELD_BACK_BYTES) begin();
        this.#wake();
      });
      try {
        await work.commit(blob);
        this.kept = blob;
      } catch (cause) {
        onCommitFailed(cause);
      }
      this.#whole = blob.size ?? 0;
      return this.kept;
    } catch (thrown) {
      this.#failure = toRegistryError(thrown);
      return null;
    } finally {
      this.isOver = true;
      work.end();
      this.#wake();
      this.#release();
    }
  }

  /** How far can be read now. */
  get #limit(): number {
    const size = this.#growing?.size ?? 0;
    return this.#whole === null ? size - HELD_BACK_BYTES : size;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  #open(): Readable {
    let at = 0;
    let reading: Promise<unknown> = Promise.resolve();
    const next = async (stream: Readable): Promise<void> => {
      while (!stream.destroyed && this.#failure === null && this.#whole === null && at >= this.#limit) {
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
      if (stream.destroyed) return;
      if (this.#failure !== null) return void stream.destroy(this.#failure);
      if (at === this.#whole) return void stream.push(null);
      const growing = this.#growing;
      if (growing === null) throw new RegistryError('INTERNAL', { message: 'Somebody reads who has left' });
      const piece = Promise.resolve(growing.read(at, Math.min(PIECE_BYTES, this.#limit - at)));
      reading = piece.catch(ignore);
      const bytes = await piece;
      at += bytes.byteLength;
      stream.push(bytes);
    };
    return new Readable({
      highWaterMark: PIECE_BYTES,
      read() {
        next(this).catch((error) => this.destroy(error));
      },
      destroy(error, done) {
        // Nothing is closed under a read.
        reading.then(() => done(error));
      },
    });
  }

  #release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    this.#growing?.close().catch(ignore);
    this.#growing = null;
  }
}

function ignore(): void {}
