import { RegistryError } from '../errors/registry-error.ts';
import { Fill, type FillWork } from './fill.ts';
import type { EngineLog } from './runtime.ts';

/** How long who comes too late for a fill, having looked for the record before it was committed, is given what it stored. */
const AFTERWARDS_MS = 1000;

/** The fills of a definition that are under way, by what their content is called. */
export class Fills {
  readonly #fills = new Map<string, Fill>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #stopped = new AbortController();
  readonly #log: EngineLog;
  readonly #background: (work: Promise<unknown>) => void;

  constructor(log: EngineLog, background: (work: Promise<unknown>) => void) {
    this.#log = log;
    this.#background = background;
  }

  /** The fill under way, or the one that ended well a moment ago; null where there is none. */
  find(key: string): Fill | null {
    const fill = this.#fills.get(key);
    return fill === undefined || (fill.isOver && fill.kept === null) ? null : fill;
  }

  /** Begins a fill, which others find from now on. */
  begin(key: string, work: FillWork): Fill {
    const fill = new Fill(work, this.#stopped.signal, (cause) =>
      this.#log.warning('Content was fetched, and what should name it could not be committed', cause),
    );
    this.#fills.set(key, fill);
    const forget = () => {
      if (this.#fills.get(key) === fill) this.#fills.delete(key);
    };
    const running = fill.over.then((kept) => {
      this.#running.delete(running);
      if (kept === null) forget();
      else setTimeout(forget, AFTERWARDS_MS).unref();
    });
    this.#running.add(running);
    this.#background(running);
    return fill;
  }

  /** Resolves when none is under way. */
  async whenIdle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Breaks off what is still being fetched: its readers' connections end, nothing of it is kept. */
  stop(): void {
    this.#stopped.abort(new RegistryError('CLOSING'));
  }
}
