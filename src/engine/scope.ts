import type { Scope } from '../language/frame.ts';

/**
 * The names of one pipeline and their slots. `inside` makes the scope of a loop body: it reads the names around it, and what
 * it binds stays in it. All scopes of a pipeline number the slots of one frame.
 */
export class PipelineScope implements Scope {
  readonly #names = new Map<string, number>();
  readonly #around: PipelineScope | null;
  readonly #counter: { next: number };

  constructor(around: PipelineScope | null = null) {
    this.#around = around;
    this.#counter = around === null ? { next: 0 } : around.#counter;
  }

  inside(): PipelineScope {
    return new PipelineScope(this);
  }

  slotOf(name: string): number {
    const slot = this.find(name);
    if (slot === null) throw new Error(`The checker let the unbound name ${name} pass`);
    return slot;
  }

  find(name: string): number | null {
    return this.#names.get(name) ?? this.#around?.find(name) ?? null;
  }

  /** The slot to bind a name in: its own, or a fresh one. */
  bind(name: string): number {
    let slot = this.#names.get(name);
    if (slot === undefined) {
      slot = this.#counter.next++;
      this.#names.set(name, slot);
    }
    return slot;
  }

  hidden(): number {
    return this.#counter.next++;
  }

  /** Slots of the names bound in this scope itself. */
  get ownSlots(): readonly number[] {
    return [...this.#names.values()];
  }

  /** How many slots a frame needs. */
  get size(): number {
    return this.#counter.next;
  }
}
