import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Receiver } from './hand-over.ts';
import type { ToParent, ToWorker } from './messages.ts';
import { PATIENCE, type Patience, type Pulse, watchPulse } from './pulse.ts';

/** A process that serves. */
export interface Worker extends Receiver {
  /** From 1; one that takes the place of another has its number. */
  readonly number: number;
  readonly pid: number;
  send(message: ToWorker): void;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface CrewOptions {
  /** Starts the process of a worker, which speaks over IPC. */
  fork(number: number): ChildProcess;
  onMessage(worker: Worker, message: ToParent): void;
  onStarted(worker: Worker): void;
  /** Told of every end; `restartsInMs` is when another one starts in its place, null when none does. */
  onEnded(worker: Worker, ending: Ending, restartsInMs: number | null): void;
  /** A worker that is watched answers no more: it is killed, and its end is told of like others. */
  onSilent(worker: Worker): void;
  readonly pauses?: Pauses;
  readonly patience?: Patience;
}

/** When a worker that died is replaced. */
export interface Pauses {
  /** Who dies sooner than that after the start has not done any good. */
  readonly quickMs: number;
  /** Before each start after as many such deaths in a row, beginning with the first; after one more nothing is started. */
  readonly beforeMs: readonly number[];
}

const PAUSES: Pauses = { quickMs: 10_000, beforeMs: [0, 0, 250, 500, 1000, 2000, 5000, 5000] };

/** Processes that are kept alive. */
export interface Crew {
  /** Those that live, by their number. */
  readonly workers: readonly Worker[];
  start(number: number): Worker;
  /** Kills the worker, which answers by now, when it does not any more. */
  watch(worker: Worker): void;
  /** Resolves when a worker died again and again, with its number. */
  readonly givenUp: Promise<number>;
  /** Asks all to stop, starts none any more, and resolves with how they ended. */
  stop(): Promise<readonly Ending[]>;
  /** Ends all at once. */
  kill(): void;
}

/** Starts workers when it is told to, and others in the place of those that die. */
export function createCrew(options: CrewOptions): Crew {
  const { quickMs, beforeMs } = options.pauses ?? PAUSES;
  const patience = options.patience ?? PATIENCE;
  const living = new Map<Worker, ChildProcess>();
  const pulses = new Map<Worker, Pulse>();
  const quickDeaths = new Map<number, number>();
  const timers = new Set<NodeJS.Timeout>();
  const endings: Ending[] = [];
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<number>();
  let stopping: (() => void) | null = null;

  /** How long after this end another one starts; null: never. */
  function pauseAfter(number: number, livedMs: number): number | null {
    const deaths = livedMs < quickMs ? (quickDeaths.get(number) ?? 0) + 1 : 1;
    quickDeaths.set(number, deaths);
    return stopping === null ? (beforeMs[deaths - 1] ?? null) : null;
  }

  function replace(number: number, pauseMs: number | null): void {
    if (pauseMs === null) {
      giveUp(number);
      return;
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      try {
        start(number);
      } catch {
        // The system had no memory for it, say: the others go on meanwhile.
        replace(number, pauseAfter(number, 0));
      }
    }, pauseMs);
    timers.add(timer);
  }

  function start(number: number): Worker {
    const child = options.fork(number);
    const startedAt = performance.now();
    const send = (message: ToWorker, socket?: Socket): void => {
      // A process that has ended is heard of by its end.
      if (child.connected) child.send(message, socket, { keepOpen: true }, () => {});
    };
    const worker: Worker = {
      number,
      pid: child.pid ?? 0,
      send,
      give: (id, socket) => send({ kind: 'connection', id }, socket),
    };
    living.set(worker, child);
    child.on('message', (received) => {
      const message = received as ToParent;
      if (message.kind === 'alive') pulses.get(worker)?.answered();
      else options.onMessage(worker, message);
    });
    let over = false;
    const ended = (ending: Ending) => {
      if (over) return;
      over = true;
      living.delete(worker);
      unwatch(worker);
      endings.push(ending);
      const pauseMs = pauseAfter(number, performance.now() - startedAt);
      options.onEnded(worker, ending, pauseMs);
      if (stopping === null) replace(number, pauseMs);
      else if (living.size === 0) stopping();
    };
    child.once('exit', (code, signal) => ended({ code, signal }));
    // It could not even be started.
    child.once('error', () => {
      if (child.pid === undefined) ended({ code: null, signal: null });
    });
    options.onStarted(worker);
    return worker;
  }

  function unwatch(worker: Worker): void {
    pulses.get(worker)?.stop();
    pulses.delete(worker);
  }

  return {
    get workers() {
      return [...living.keys()].sort((left, right) => left.number - right.number);
    },
    start,
    watch(worker) {
      const child = living.get(worker);
      if (child === undefined || stopping !== null) return;
      const onSilent = () => {
        options.onSilent(worker);
        child.kill('SIGKILL');
      };
      pulses.set(
        worker,
        watchPulse(() => worker.send({ kind: 'alive' }), onSilent, patience),
      );
    },
    givenUp,
    stop() {
      for (const worker of living.keys()) unwatch(worker);
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      endings.length = 0;
      return new Promise((resolve) => {
        stopping = () => resolve(endings);
        if (living.size === 0) stopping();
        for (const worker of living.keys()) worker.send({ kind: 'stop' });
      });
    },
    kill() {
      for (const child of living.values()) child.kill('SIGKILL');
    },
  };
}
