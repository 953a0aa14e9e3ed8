import type { OperationHandler, Run, Signal, StepCompiler } from '../../engine/contract.ts';
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
    const isWanted = step.insideCondition('where');
    const steps = step.pipeline('do') ?? goOn;
    const collect = step.has('collect.out') ? compileCollect(step) : null;
    const pick = step.has('out') ? compilePick(step) : null;
    const gather = collect === null || pick === null ? (collect ?? pick) : both(collect, pick);
    const maxItems = Number(step.literal('max_items'));

    const roundOf = (body: (run: Run, item: unknown) => MaybePromise<Signal>): Round => {
      if (isWanted === null) {
        return (run, item, index) => {
          bindItem(run, item);
          bindIndex(run, index);
          return body(run, item);
        };
      }
      return (run, item, index) => {
        bindItem(run, item);
        bindIndex(run, index);
        return whenReady(isWanted(run), (wanted) => (wanted ? body(run, item) : goOn()));
      };
    };
    const listOf = (given: unknown) => {
      const list = elements(given);
      if (list.length > maxItems) fail('ITEMS_LIMIT', `A loop may run over ${maxItems} items at most`);
      return list;
    };
    if (gather === null) {
      const round = roundOf(steps);
      return (run) => loop(run, listOf(items(run)), 0, round);
    }
    return (run) => {
      const given = plainOf(items(run));
      const { add, finish } = gather(given);
      const round = roundOf((current, item) =>
        whenReady(steps(current), (signal) => (signal === undefined ? add(current, item) : signal)),
      );
      return whenReady(loop(run, listOf(given), 0, round), (signal) => {
        if (signal === undefined) finish(run);
        return signal;
      });
    };
  },
};

/** Where what the rounds give is gathered. */
interface Gathered {
  /** Takes what a round gives; the element is at hand. */
  add(run: Run, item: unknown): MaybePromise<undefined>;
  /** Binds all of it. */
  finish(run: Run): void;
}

/** What there was to loop over, to where its rounds are gathered. */
type Gather = (given: unknown) => Gathered;

function both(first: Gather, second: Gather): Gather {
  return (given) => {
    const one = first(given);
    const other = second(given);
    return {
      add: (run, item) => whenReady(one.add(run, item), () => other.add(run, item)),
      finish(run) {
        one.finish(run);
        other.finish(run);
      },
    };
  };
}

/** Gathers `collect.from` of each round: to a list, or under `collect.key` to an object. */
function compileCollect(step: StepCompiler): Gather {
  const from = step.inside('collect.from') ?? (() => null);
  const key = step.inside('collect.key');
  const skipsNull = step.literal('collect.skip_null') === true;
  const bind = step.bind('collect.out');
  return () => {
    const list: unknown[] = [];
    const object = {};
    const keep = (run: Run, value: unknown): MaybePromise<undefined> => {
      if (skipsNull && (value === null || value === undefined)) return goOn();
      if (key === null) {
        list.push(value ?? null);
        return goOn();
      }
      return whenReady(key(run), (name) => {
        if (typeof name === 'string' || typeof name === 'number') setOwn(object, String(name), value ?? null);
        else if (name !== null && name !== undefined) throw invalidArgument('collect.key', 'text');
        return goOn();
      });
    };
    return {
      add: (run) => whenReady(from(run), (value) => keep(run, value)),
      finish: (run) => bind(run, key === null ? list : object),
    };
  };
}

/** Gathers the elements themselves: of a list to a list, of an object under their own names to an object. */
function compilePick(step: StepCompiler): Gather {
  const bind = step.bind('out');
  return (given) => {
    const picked: unknown[] | object = isPlainObject(given) ? {} : [];
    return {
      add(_run, item) {
        if (Array.isArray(picked)) picked.push(item);
        else setOwn(picked, (item as Entry).key, (item as Entry).value);
        return goOn();
      },
      finish: (run) => bind(run, picked),
    };
  };
}

/** A member of an object that is looped over. */
interface Entry {
  readonly key: string;
  readonly value: unknown;
}

function plainOf(value: unknown): unknown {
  return value instanceof StoredValue ? value.value : value;
}

function elements(value: unknown): readonly unknown[] {
  const plain = plainOf(value);
  if (plain === null || plain === undefined) return [];
  if (Array.isArray(plain)) return plain;
  if (isPlainObject(plain)) return Object.entries(plain).map(([key, entry]): Entry => ({ key, value: entry }));
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
