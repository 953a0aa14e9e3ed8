import type { IndexPlan, OperationHandler, RecordPage, RecordQuery, Run, StepCompiler } from '../../engine/contract.ts';
import { fail } from '../../errors/registry-error.ts';
import type { Frame } from '../../language/frame.ts';
import type { StoredValue } from '../../language/values.ts';
import type { Order } from '../../ports/record-store.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { asObject, compileLimit, goOn, invalidArgument, MAX_LIMIT } from '../arguments.ts';
import { compileKey, parseOrder, whereFilters } from './filters.ts';

/** See `operations/index/query.json`. */
export const indexQuery: OperationHandler = {
  op: 'index.query',
  compile(step) {
    const index = step.index('index');
    const { ordering } = step.definition.versioning;
    const key = compileKey(step, index);
    const conditions = step.has('where') ? step.value('where') : null;
    const order = compileOrder(step, index);
    const limit = compileLimit(step);
    const cursor = step.text('cursor');
    const counts = step.has('out_total');
    const total = step.boolean('total', true);
    const asRegistry = step.literal('as') === 'registry';
    const bind = step.bind('out');
    const bindNext = step.has('out_next') ? step.bind('out_next') : null;
    const bindTotal = step.bind('out_total');
    const every = step.literal('every') === true;
    return (run) => {
      const { records } = run.session;
      const { where, given } = key(run);
      const asked = conditions === null ? null : asObject(conditions(run), 'where');
      if (asked !== null) where.push(...whereFilters(index, ordering, asked));
      const ordered = { where, order: order(run, given) };
      const page = every
        ? allRecords(run, index, ordered, asRegistry)
        : records.query(
            index,
            { where, order: ordered.order, limit: limit(run), cursor: cursor(run), wantsNext: bindNext !== null },
            asRegistry,
          );
      return whenReady(page, (page) => {
        bind(run, page.records);
        bindNext?.(run, page.next);
        if (!counts) return undefined;
        return whenReady(total(run) ? records.count(index, where, asRegistry) : null, (count) => {
          bindTotal(run, count);
          return goOn();
        });
      });
    };
  },
};

/** Page after page. */
async function allRecords(
  run: Run,
  index: IndexPlan,
  ordered: Pick<RecordQuery, 'where' | 'order'>,
  asRegistry: boolean,
): Promise<RecordPage> {
  const all: StoredValue[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: RecordPage = await run.session.records.query(
      index,
      { ...ordered, limit: MAX_LIMIT, cursor },
      asRegistry,
    );
    all.push(...page.records);
    if (page.next === null) return { records: all, next: null };
    if (all.length >= MAX_RECORDS) fail('ITEMS_LIMIT', `There are more than ${MAX_RECORDS} records`);
    cursor = page.next;
  }
}

/** More than this are not read for one answer. */
const MAX_RECORDS = 100_000;

/** The order asked for, or the sort of the key that is meant. */
function compileOrder(
  step: StepCompiler,
  index: IndexPlan,
): (frame: Frame, given: readonly string[]) => readonly Order[] {
  const declared = declaredOrder(index, step.literal('by'));
  if (!step.has('order')) return (_frame, given) => declared(given);
  const order = step.value('order');
  let lastWritten: unknown;
  let lastOrders: readonly Order[] = [];
  return (frame, given) => {
    const written = order(frame);
    if (written === null || written === undefined) return declared(given);
    if (!Array.isArray(written)) throw invalidArgument('order', 'a list');
    // A constant is one and the same list each time.
    if (written !== lastWritten) {
      lastOrders = written.map((entry: unknown) => parseOrder(index, entry));
      lastWritten = written;
    }
    return lastOrders;
  };
}

/** The key named, else the only one, else the one with the most fields that are all given. */
function declaredOrder(index: IndexPlan, by: unknown): (given: readonly string[]) => readonly Order[] {
  const { keys } = index.spec;
  const fixed = keys.length === 1 ? keys[0] : keys.find((key) => key.name === by);
  if (fixed !== undefined) return () => fixed.sort;
  const widestFirst = keys.toSorted((a, b) => b.fields.length - a.fields.length);
  return (given) => {
    const fitting = widestFirst.find((key) => key.fields.every((field) => given.includes(field)));
    return (fitting ?? keys[0])?.sort ?? [];
  };
}
