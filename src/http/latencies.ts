import { Histogram, type Registry } from 'prom-client';

/** Upper bounds in seconds. */
const BOUNDS: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Latency {
  /** By the bound that is the first not below; the last is for all above. */
  readonly counts: number[];
  sum: number;
}

/**
 * Latencies by route. A histogram of prom-client that keeps its own counts: observing one of those hashes its labels, which takes longer
 * than a whole step.
 */
export class Latencies extends Histogram<'route'> {
  readonly #routes = new Map<string, Latency>();
  readonly #name: string;
  readonly #help: string;

  constructor(name: string, help: string, registry: Registry) {
    super({ name, help, labelNames: ['route'], buckets: [...BOUNDS], registers: [registry] });
    this.#name = name;
    this.#help = help;
  }

  note(route: string, seconds: number): void {
    let latency = this.#routes.get(route);
    if (latency === undefined) {
      latency = { counts: new Array(BOUNDS.length + 1).fill(0), sum: 0 };
      this.#routes.set(route, latency);
    }
    let place = 0;
    while (place < BOUNDS.length && seconds > BOUNDS[place]!) place++;
    latency.counts[place]!++;
    latency.sum += seconds;
  }

  /** What the registry prints, and what figures of several processes are added up from. */
  async getForPromString() {
    const values = [...this.#routes].flatMap(([route, latency]) => valuesOf(this.#name, route, latency));
    return { name: this.#name, help: this.#help, type: 'histogram', values, aggregator: 'sum' };
  }
}

/** prom-client's own histograms have labels in common to all buckets, and it counts on them. */
const sharedLabels = Object.freeze({});

function valuesOf(name: string, route: string, { counts, sum }: Latency) {
  let total = 0;
  const buckets = counts.map((count, place) => {
    total += count;
    return { metricName: `${name}_bucket`, labels: { route, le: BOUNDS[place] ?? '+Inf' }, value: total, sharedLabels };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { route }, value: sum, sharedLabels },
    { metricName: `${name}_count`, labels: { route }, value: total, sharedLabels },
  ];
}
