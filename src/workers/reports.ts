import type { Report } from './messages.ts';

/** How long a worker that does not answer is waited for: whoever asks for figures waits as long. */
const PATIENCE_MS = 2000;

/** Figures of all workers, also of those that are gone. */
export interface Reports<Worker> {
  /** Asks workers. Of one that does not answer in time it is what it said before. */
  of(workers: readonly Worker[]): Promise<readonly Report[]>;
  answer(worker: Worker, id: number, report: Report): void;
  /** A worker that is gone. What it had counted when it was last asked stays in the sums: counters do not go back. */
  leave(worker: Worker): void;
}

/** A metric as prom-client has it in JSON. */
interface Metric {
  readonly name: string;
  readonly type: string;
  readonly values: readonly Value[];
}

interface Value {
  readonly value: number;
  readonly labels?: object;
  readonly metricName?: string;
}

/** `ask` asks a worker for its report, under an id that it answers with; `patienceMs` is for tests. */
export function createReports<Worker>(
  ask: (worker: Worker, id: number) => void,
  patienceMs = PATIENCE_MS,
): Reports<Worker> {
  const latest = new Map<Worker, Report>();
  const waiting = new Map<number, { readonly worker: Worker; readonly settle: () => void }>();
  let gone: Report = [];
  let lastId = 0;

  function reportOf(worker: Worker): Promise<void> {
    const id = ++lastId;
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        waiting.delete(id);
        resolve();
      };
      const timer = setTimeout(settle, patienceMs);
      waiting.set(id, { worker, settle });
      ask(worker, id);
    });
  }

  return {
    async of(workers) {
      await Promise.all(workers.map(reportOf));
      return gone.length === 0 ? [...latest.values()] : [...latest.values(), gone];
    },
    answer(worker, id, report) {
      if (waiting.get(id)?.worker !== worker) return;
      latest.set(worker, report);
      waiting.get(id)?.settle();
    },
    leave(worker) {
      gone = addedUp(gone, (latest.get(worker) ?? []).filter(isCount));
      latest.delete(worker);
      for (const entry of [...waiting.values()]) if (entry.worker === worker) entry.settle();
    },
  };
}

/** Whether it only ever grows; what a process that is gone has of anything else is nothing. */
function isCount(metric: object): boolean {
  const { type } = metric as Metric;
  return type === 'counter' || type === 'histogram';
}

function addedUp(left: Report, right: Report): Report {
  const all = Map.groupBy([...left, ...right] as Metric[], ({ name }) => name);
  return [...all.values()].map((metrics) => {
    const values = new Map<string, Value>();
    for (const value of metrics.flatMap((metric) => metric.values)) {
      const key = JSON.stringify([value.metricName, value.labels]);
      values.set(key, { ...value, value: value.value + (values.get(key)?.value ?? 0) });
    }
    return { ...metrics[0], values: [...values.values()] };
  });
}
