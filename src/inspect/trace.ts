import type { Run, StepRun } from '../engine/contract.ts';
import type { StepSite, StepWatch } from '../engine/watch.ts';
import { toRegistryError } from '../errors/registry-error.ts';
import { toPlain } from '../language/member.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { RecordStore } from '../ports/record-store.ts';

/** One step that ran, or was left out. A step in a transaction that ran again is there once for each attempt. */
export interface TracedStep {
  readonly place: string;
  readonly op: string;
  readonly label: string | null;
  /** How many steps it ran inside. */
  readonly depth: number;
  /** `next`: on to the next step. */
  outcome: 'running' | 'next' | 'response' | 'skipped' | 'error';
  /** Of an error. */
  code: string | null;
  /** Steps inside included. */
  tookMs: number;
  /** The names that it binds, with their values after it, as plain JSON. */
  bindings: Readonly<Record<string, unknown>>;
  readonly calls: TracedCall[];
}

/** What a step asked of a store. */
export interface TracedCall {
  readonly store: string;
  readonly method: string;
  /** What it was asked about: collection and key, index, digest, writes. */
  readonly detail: string;
  tookMs: number;
}

/** Follows one request, step by step. Several at once would be mixed up. */
export interface Trace {
  readonly watch: StepWatch;
  readonly steps: readonly TracedStep[];
  recordStore(store: RecordStore, name: string): RecordStore;
  blobStore(store: BlobStore, name: string): BlobStore;
}

export function createTrace(): Trace {
  const steps: TracedStep[] = [];
  const open: TracedStep[] = [];

  function add({ place, op, label }: StepSite): TracedStep {
    const step: TracedStep = {
      place,
      op,
      label,
      depth: open.length,
      outcome: 'running',
      code: null,
      tookMs: 0,
      bindings: {},
      calls: [],
    };
    steps.push(step);
    return step;
  }

  function follow(run: StepRun, site: StepSite): StepRun {
    return async (frame) => {
      const step = add(site);
      open.push(step);
      const startedAt = performance.now();
      try {
        const signal = await run(frame);
        step.outcome = signal === undefined ? 'next' : 'response';
        step.bindings = bindingsOf(site, frame);
        return signal;
      } catch (thrown) {
        step.outcome = 'error';
        step.code = toRegistryError(thrown).code;
        throw thrown;
      } finally {
        step.tookMs = performance.now() - startedAt;
        open.pop();
      }
    };
  }

  /** Outside of any step nothing is noted: what the engine does before and after is not the route's. */
  function call<T>(store: string, method: string, detail: string, work: () => T): T {
    const noted: TracedCall = { store, method, detail, tookMs: 0 };
    open.at(-1)?.calls.push(noted);
    const startedAt = performance.now();
    const done = () => {
      noted.tookMs = performance.now() - startedAt;
    };
    const answer = work();
    if (answer instanceof Promise) answer.then(done, done);
    else done();
    return answer;
  }

  function searchesOf({ search, similarWords }: RecordStore, name: string): Partial<RecordStore> {
    if (search === undefined || similarWords === undefined) return {};
    return {
      search: (query) => call(name, 'search', `${query.index} ${JSON.stringify(query.text)}`, () => search(query)),
      similarWords: (query) =>
        call(name, 'similarWords', `${query.index} ${JSON.stringify(query.text)}`, () => similarWords(query)),
    };
  }

  return {
    steps,
    watch: {
      wrap: follow,
      skipped(site) {
        add(site).outcome = 'skipped';
      },
    },
    recordStore: (store, name) => ({
      ...store,
      ...searchesOf(store, name),
      get: (collection, key) => call(name, 'get', `${collection} ${key}`, () => store.get(collection, key)),
      getMany: (collection, keys) =>
        call(name, 'getMany', `${collection} ${keys.join(' ')}`, () => store.getMany(collection, keys)),
      list: (query) => call(name, 'list', `${query.collection} ${query.prefix}`, () => store.list(query)),
      query: (query) =>
        call(name, 'query', `${query.index} ${JSON.stringify(query.where)} limit ${query.limit}`, () =>
          store.query(query),
        ),
      count: (query) => call(name, 'count', `${query.index} ${JSON.stringify(query.where)}`, () => store.count(query)),
      commit(commit) {
        const { checks, puts, deletes, events } = commit;
        const writes = [...puts.map(({ key }) => `put ${key}`), ...deletes.map(({ key }) => `delete ${key}`)];
        const detail = [`${checks.length} checks`, ...writes, ...events.map(({ type }) => `event ${type}`)].join(', ');
        return call(name, 'commit', detail, () => store.commit(commit));
      },
    }),
    blobStore: (store, name) => ({
      ...store,
      put: (source, options) =>
        call(name, 'put', options.expect?.digest ?? '(any digest)', () => store.put(source, options)),
      get: (digest, range) => call(name, 'get', digest, () => store.get(digest, range)),
      stat: (digest) => call(name, 'stat', digest, () => store.stat(digest)),
      lease: (digest, ttlMs) => call(name, 'lease', digest, () => store.lease(digest, ttlMs)),
    }),
  };
}

function bindingsOf({ binds }: StepSite, frame: Run): Readonly<Record<string, unknown>> {
  // A copy, for later steps may change what a name is bound to.
  return Object.fromEntries(binds.map(({ name, slot }) => [name, structuredClone(toPlain(frame.slots[slot] ?? null))]));
}
