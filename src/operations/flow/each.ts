import type { OperationHandler, Run, Signal } from '../../engine/contract.ts';
import { fail } from '../../errors/registry-error.ts';
import { setOwn } from '../../language/member.ts';
import { StoredValue } from '../../language/values.ts';
import { type MaybePromise, whenReady } from '../../shared/maybe-promise.ts';
import { createSlices } from '../../shared/slices.ts';
import { goOn, invalidArgument, isPlainObject } from '../arguments.ts';

/** One round: runs the steps and keeps what they give. */
type Round = (run: Run, item: unknown, index: number) => MaybePromise<Signal>;

/** See `operations/flow/each.json`. */
export const flowEach: OperationHandler = {
  op: 'flow.each',
  compile(step) {
    const items = step.value('in');
    const bindItem = step.bind('as');
    const bindIndex = step.bind('index');
    const steps = step.pipeline('do') ?? goOn;
    const from = step.inside('collect.from');
    const key = step.inside('collect.key');
    const skipsNull = step.literal('collect.skip_null') === true;
    const bindAll = step.bind('collect.out');
    const maxItems = Number(step.literal('max_items'));
    const listOf = (run: Run) => {
      const list = elements(items(run));
      if (list.length > maxItems) fail('ITEMS_LIMIT', `A loop may run over ${maxItems} items at most`);
      return list;
    };
    if (from === null) {
      const round: Round = (run, item, index) => {
        bindItem(run, item);
        bindIndex(run, index);
        return steps(run);
      };
      return (run) => loop(run, listOf(run), 0, round);
    }
    return (run) => {
      const { all, add } = key === null ? listed() : named(key);
      const round: Round = (current, item, index) => {
        bindItem(current, item);
        bindIndex(current, index);
        return whenReady(steps(current), (signal) => {
          if (signal !== undefined) return signal;
          return whenReady(from(current), (value) => {
            if (skipsNull && (value === null || value === undefined)) return goOn();
            return add(current, value ?? null);
          });
        });
      };
      return whenReady(loop(run, listOf(run), 0, round), (signal) => {
        if (signal === undefined) bindAll(run, all);
        return signal;
      });
    };
  },
};

/** Where what the rounds give is gathered. */
interface Gathered {
  readonly all: object;
  add(run: Run, value: unknown): MaybePromise<undefined>;
}

function listed(): Gathered {
  const all: unknown[] = [];
  return {
    all,
    add(_run, value) {
      all.push(value);
      return goOn();
    },
  };
}

function named(key: (run: Run) => MaybePromise<unknown>): Gathered {
  const all = {};
  return {
    all,
    add(run, value) {
      return whenReady(key(run), (name) => {
        if (typeof name === 'string' || typeof name === 'number') setOwn(all, String(name), value);
        else if (name !== null && name !== undefined) throw invalidArgument('collect.key', 'text');
        return goOn();
      });
    },
  };
}

function elements(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  const plain = value instanceof StoredValue ? value.value : value;
  if (Array.isArray(plain)) return plain;
  if (isPlainObject(plain)) return Object.entries(plain).map(([key, entry]) => ({ key, value: entry }));
  throw invalidArgument('in', 'a list or an object');
}

/** Round after round without a promise, until one makes one, or it has taken long. */
function loop(run: Run, items: readonly unknown[], start: number, round: Round): MaybePromise<Signal> {
  const slices = createSlices();
  for (let index = start; index < items.length; index++) {
    run.session.checkCpu();
    const signal = round(run, items[index], index);
    if (signal instanceof Promise) return loopLater(run, items, index + 1, round, signal);
    if (signal !== undefined) return signal;
    if (slices.isOver()) return loopLater(run, items, index + 1, round, slices.rest().then(goOn));
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
  const slices = createSlices();
  for (let index = next; index < items.length && signal === undefined; index++) {
    run.session.checkCpu();
    const given = round(run, items[index], index);
    if (given instanceof Promise) {
      signal = await given;
      slices.restart();
    } else {
      signal = given;
    }
    if (!slices.isOver()) continue;
    run.session.spend(slices.spent());
    await slices.rest();
  }
  return signal;
}
