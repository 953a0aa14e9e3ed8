import type { ArgumentDefinition, OperationDefinition } from '../../src/definition/vocabulary.ts';
import type { OperationHandler } from '../../src/engine/contract.ts';

/**
 * `test.gate`: a step that calls back into the test each time it is reached, and waits for what the test does there. It stands where
 * somebody else gets in between, so that a race happens the same way each time.
 */
export function gates(): {
  readonly operations: readonly { readonly definition: OperationDefinition; readonly handler: OperationHandler }[];
  /** Runs `action` the n-th time (from 1) that the gate is reached; other times nothing. */
  on(name: string, action: (time: number) => unknown): void;
  count(name: string): number;
} {
  const actions = new Map<string, (time: number) => unknown>();
  const counts = new Map<string, number>();
  const handler: OperationHandler = {
    op: 'test.gate',
    compile(step) {
      const name = String(step.literal('name'));
      return async () => {
        const time = (counts.get(name) ?? 0) + 1;
        counts.set(name, time);
        await actions.get(name)?.(time);
        return undefined;
      };
    },
  };
  return {
    operations: [{ definition: GATE, handler }],
    on: (name, action) => actions.set(name, action),
    count: (name) => counts.get(name) ?? 0,
  };
}

/** A step that counts how often it runs, and lets the test in each time. */
export function insideStep(op: string) {
  let runs = 0;
  const inside: { action: () => unknown } = { action: () => undefined };
  const handler: OperationHandler = {
    op,
    compile: () => async () => {
      runs++;
      await inside.action();
      return undefined;
    },
  };
  return { operations: [{ definition: operation(op, 'pure'), handler }], runs: () => runs, inside };
}

/** `test.count`: a once-step that binds 1, 2, 3 and so on, one more each time that it really runs. */
export function counter(): { readonly definition: OperationDefinition; readonly handler: OperationHandler } {
  let count = 0;
  return {
    definition: { ...operation('test.count', 'once'), args: { out: { ...ARGUMENT, kind: 'bind' } } },
    handler: {
      op: 'test.count',
      compile(step) {
        const bind = step.bind('out');
        return (run) => {
          count += 1;
          bind(run, count);
        };
      },
    },
  };
}

const ARGUMENT: ArgumentDefinition = {
  kind: 'literal',
  description: '',
  required: true,
  to: null,
  many: false,
  schema: null,
  default: undefined,
  nullable: false,
  scope: 'maybe',
};

function operation(op: string, effect: OperationDefinition['effect']): OperationDefinition {
  return { op, summary: 'Lets a test in.', description: '', effect, args: {}, oneOf: [], errors: [], examples: [] };
}

const GATE: OperationDefinition = { ...operation('test.gate', 'read'), args: { name: ARGUMENT } };
