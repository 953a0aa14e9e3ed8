import type { OperationHandler, Run, Signal } from '../../engine/contract.ts';
import { fail } from '../../errors/registry-error.ts';
import { StoredValue } from '../../language/values.ts';
import { type MaybePromise, whenReady } from '../../shared/maybe-promise.ts';
import { goOn, invalidArgument, isPlainObject } from '../arguments.ts';

/** One round: runs the steps and keeps what they give. */
type Round = (run: Run, item: unknown) => MaybePromise<Signal>;

/** See `operations/flow/each.json`. */
export const flowEach: OperationHandler = {
  op: 'flow.each',
  compile(step) {
    const items = step.value('in');
    const bindItem = step.bind('as');
    const steps = step.pipeline('do') ?? goOn;
    const from = step.inside('collect.from');
    const bindAll = step.bind('collect.out');
    const maxItems = Number(step.literal('max_items'));
    const listOf = (run: Run) => {
      const list = elements(items(run));
      if (list.length > maxItems) fail('ITEMS_LIMIT', `A loop may run over ${maxItems} items at most`);
      return list;
    };
    if (from === null) {
      const round: Round = (run, item) => {
        bindItem(run, item);
        return steps(run);
      };
      return (run) => loop(run, listOf(run), 0, round);
    }
    return (run) => {
      const collected: unknown[] = [];
      const round: Round = (current, item) => {
        bindItem(current, item);
        return whenReady(steps(current), (signal) => {
          if (signal !== undefined) return signal;
          return whenReady(from(current), (value) => {
            collected.push(value ?? null);
            return goOn();
          });
        });
      };
      return whenReady(loop(run, listOf(run), 0, round), (signal) => {
        if (signal === undefined) bindAll(run, collected);
        return signal;
      });
    };
  },
};

function elements(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  const plain = value instanceof StoredValue ? value.value : value;
  if (Array.isArray(plain)) return plain;
  if (isPlainObject(plain)) return Object.entries(plain).map(([key, entry]) => ({ key, value: entry }));
  throw invalidArgument('in', 'a list or an object');
}

/** Round after round without a promise, until one makes one. */
function loop(run: Run, items: readonly unknown[], start: number, round: Round): MaybePromise<Signal> {
  for (let index = start; index < items.length; index++) {
    run.session.checkCpu();
    const signal = round(run, items[index]);
    if (signal instanceof Promise) return loopLater(run, items, index + 1, round, signal);
    if (signal !== undefined) return signal;
  }
  return undefined;
}

async function loopLater(
  run: Run,
  items: readonly unknown[],
  next: number,
  round: Round,
  pending: Promise<Signal>,
): Promise<Signal> {
  let signal = await pending;
  for (let index = next; index < items.length && signal === undefined; index++) {
    run.session.checkCpu();
    signal = await round(run, items[index]);
  }
  return signal;
}
