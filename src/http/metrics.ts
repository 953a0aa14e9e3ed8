import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Served } from '../engine/exchange.ts';
import type { StepWatch } from '../engine/watch.ts';
import { Latencies } from './latencies.ts';
import { createStepMetrics } from './step-metrics.ts';

/** All figures of a process, as JSON can hold them; those of several processes can be added up. */
export type Figures = readonly object[];

/** What one store, cache or upstream was asked so far; times in milliseconds. */
export interface MeasuredPart {
  readonly kind: string;
  readonly name: string;
  readonly calls: Readonly<Record<string, MeasuredCalls>>;
  readonly cache?: { readonly hits: number; readonly misses: number; readonly entries: number; readonly bytes: number };
}

interface MeasuredCalls {
  readonly calls: number;
  readonly failures: number;
  readonly totalMs: number;
  readonly maxMs: number;
}

/** What is measured elsewhere and read when somebody asks. */
export interface MeasuredRegistry {
  parts(): readonly MeasuredPart[];
  commitRetries(): number;
}

/** The figures of a running server. */
export interface Metrics {
  /** To be told of every request. */
  onServed(served: Served): void;
  /** To look on as steps run. */
  readonly watch: StepWatch;
  readonly contentType: string;
  /** In the text form of Prometheus, those of all processes that serve the registry together. */
  render(registry: MeasuredRegistry): Promise<string>;
  /** Of this process alone. */
  figures(registry: MeasuredRegistry): Promise<Figures>;
}

/** Codes can be made by templates: beyond this many sets of labels all errors are `OTHER`. */
const MAX_ERROR_LABELS = 1000;

/**
 * Requests are counted in plain maps and handed to prom-client when somebody asks: its own counters would cost more than most steps. `all`
 * gives the figures of all processes that serve the same registry, of this one, too; null: there are no others.
 */
export function createMetrics(all: (() => Promise<readonly Figures[]>) | null = null): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  if (all !== null) {
    gauge(registry, 'entrepot_workers', 'Processes whose figures are in these', [], (set) => set({}, 1));
  }
  const steps = createStepMetrics();
  const requests = new Map<string, Map<string, Map<number, number>>>();
  const errors = new Map<string, { readonly labels: Record<'code' | 'route' | 'step', string>; count: number }>();
  const latencies = new Latencies(
    'entrepot_request_duration_seconds',
    'Time until the head of the answer was ready, by route',
    registry,
  );
  let measured: MeasuredRegistry = { parts: () => [], commitRetries: () => 0 };

  function countError(code: string, route: string, step: string): void {
    let key = `${code}\0${route}\0${step}`;
    let labels = { code, route, step };
    if (!errors.has(key) && errors.size >= MAX_ERROR_LABELS) {
      key = 'OTHER';
      labels = { code: 'OTHER', route: '', step: '' };
    }
    const entry = errors.get(key);
    if (entry === undefined) errors.set(key, { labels, count: 1 });
    else entry.count++;
  }

  counter(
    registry,
    'entrepot_requests_total',
    'Requests answered; route is empty where none fits',
    ['route', 'method', 'status'],
    (add) => {
      for (const [route, methods] of requests)
        for (const [method, statuses] of methods)
          for (const [status, count] of statuses) add({ route, method, status: String(status) }, count);
    },
  );
  counter(
    registry,
    'entrepot_errors_total',
    'Errors answered, by code, route and the step that failed',
    ['code', 'route', 'step'],
    (add) => {
      for (const { labels, count } of errors.values()) add(labels, count);
    },
  );
  counter(registry, 'entrepot_step_runs_total', 'Steps that ran, by operation and label', ['op', 'label'], (add) => {
    for (const { op, label, runs } of steps.figures()) add({ op, label }, runs);
  });
  counter(registry, 'entrepot_step_timed_total', 'Runs of steps that were timed: one in 16', ['op', 'label'], (add) => {
    for (const { op, label, timed } of steps.figures()) add({ op, label }, timed);
  });
  counter(registry, 'entrepot_step_timed_seconds_total', 'How long those took together', ['op', 'label'], (add) => {
    for (const { op, label, timedMs } of steps.figures()) add({ op, label }, timedMs / 1000);
  });
  const parts = ['kind', 'name', 'method'] as const;
  const eachCall = (visit: (labels: Record<(typeof parts)[number], string>, calls: MeasuredCalls) => void) => {
    for (const { kind, name, calls } of measured.parts())
      for (const [method, figures] of Object.entries(calls)) visit({ kind, name, method }, figures);
  };
  counter(registry, 'entrepot_part_calls_total', 'Calls of stores, caches and upstreams', parts, (add) => {
    eachCall((labels, { calls }) => add(labels, calls));
  });
  counter(registry, 'entrepot_part_failures_total', 'Calls of them that failed', parts, (add) => {
    eachCall((labels, { failures }) => add(labels, failures));
  });
  counter(registry, 'entrepot_part_seconds_total', 'How long calls of them took together', parts, (add) => {
    eachCall((labels, { totalMs }) => add(labels, totalMs / 1000));
  });
  const slowest = (set: Give<(typeof parts)[number]>) => eachCall((labels, { maxMs }) => set(labels, maxMs / 1000));
  gauge(registry, 'entrepot_part_slowest_seconds', 'The longest call of each so far', parts, slowest, 'max');
  for (const kind of ['hits', 'misses'] as const) {
    counter(registry, `entrepot_cache_${kind}_total`, `Lookups in caches that were ${kind}`, ['name'], (add) => {
      for (const { name, cache } of measured.parts()) if (cache !== undefined) add({ name }, cache[kind]);
    });
  }
  for (const kind of ['entries', 'bytes'] as const) {
    gauge(registry, `entrepot_cache_${kind}`, `What caches hold now, in ${kind}`, ['name'], (set) => {
      for (const { name, cache } of measured.parts()) if (cache !== undefined) set({ name }, cache[kind]);
    });
  }
  counter(
    registry,
    'entrepot_commit_retries_total',
    'Transactions that ran again because another commit got in between',
    [],
    (add) => {
      add({}, measured.commitRetries());
    },
  );

  return {
    onServed({ request, routeId, status, code, step, tookMs }) {
      const route = routeId ?? '';
      const methods = entryOf(requests, route, () => new Map<string, Map<number, number>>());
      const statuses = entryOf(methods, request.method, () => new Map<number, number>());
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      latencies.note(route, tookMs / 1000);
      if (code !== null) countError(code, route, step ?? '');
    },
    watch: steps.watch,
    contentType: registry.contentType,
    async render(from) {
      measured = from;
      return all === null ? registry.metrics() : AggregatorRegistry.aggregate([...(await all())]).metrics();
    },
    figures(from) {
      measured = from;
      return registry.getMetricsAsJSON();
    },
  };
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

type Give<Label extends string> = (labels: Partial<Record<Label, string>>, value: number) => void;

/** A counter whose values are fetched when it is printed. */
function counter<const Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[],
  fetch: (add: Give<Label>) => void,
): void {
  const metric = new Counter<Label>({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      metric.reset();
      fetch((labels, value) => metric.inc(labels, value));
    },
  });
}

function gauge<const Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[],
  fetch: (set: Give<Label>) => void,
  aggregator: 'sum' | 'max' = 'sum',
): void {
  const metric = new Gauge<Label>({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    aggregator,
    collect() {
      metric.reset();
      fetch((labels, value) => metric.set(labels, value));
    },
  });
}
