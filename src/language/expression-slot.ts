import { compileExpression, type Expression } from './expression.ts';
import type { Prelude, Scope } from './frame.ts';
import type { Read } from './read.ts';

/** What a hidden slot holds when its expression failed: thrown when, and only when, the value is asked for. */
class Failure {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    this.thrown = thrown;
  }
}

/**
 * Gives an expression a slot of its own: the prelude computes the value into it, `read` takes it from there at once. A failure
 * waits in the slot, so that a condition that is decided earlier (`all`, `any`) never meets it.
 */
export function compileHidden(
  expression: Expression,
  scope: Scope,
): { readonly prelude: Prelude; readonly read: Read } {
  const run = compileExpression(expression, scope);
  const slot = scope.hidden();
  return {
    prelude: (frame) => {
      const store = (value: unknown): void => {
        frame.slots[slot] = value;
      };
      const fail = (thrown: unknown) => store(new Failure(thrown));
      try {
        const result = run(frame);
        if (result instanceof Promise) return result.then(store, fail);
        store(result);
      } catch (thrown) {
        fail(thrown);
      }
    },
    read: (frame) => {
      const value = frame.slots[slot];
      if (value instanceof Failure) throw value.thrown;
      return value;
    },
  };
}
