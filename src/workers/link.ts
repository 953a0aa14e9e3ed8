import type { Socket } from 'node:net';
import type { Peers } from '../shared/peers.ts';
import type { Report, ToParent, ToWorker, WorkerStart } from './messages.ts';

/** A worker's way to its parent. */
export interface ParentLink extends Peers {
  readonly start: WorkerStart;
  /** The stores are open; `shared` is for workers that start later. Resolves with the address that clients know. */
  opened(shared: unknown): Promise<{ readonly url: string; readonly port: number }>;
  /** Takes connections from now on. */
  receive(take: (socket: Socket) => void): void;
  /** What all workers report, this one, too. */
  reports(): Promise<readonly Report[]>;
  /** Whoever asks for a report gets what this makes. */
  onReport(make: () => Promise<Report>): void;
  onSweep(sweep: () => void): void;
}

export interface Linked {
  /** Resolves when the parent has said what is to be done. */
  readonly started: Promise<ParentLink>;
  /** Resolves when the worker is to stop, with whether the parent said so: else it is gone. */
  readonly stopped: Promise<boolean>;
}

/** Fails in a process that was not started by a parent. */
export function linkToParent(): Linked {
  if (process.send === undefined) throw new Error('This module runs as a worker of "entrepot serve"');
  const first = Promise.withResolvers<WorkerStart>();
  const address = Promise.withResolvers<{ readonly url: string; readonly port: number }>();
  const stop = Promise.withResolvers<boolean>();
  const listeners = new Map<string, (message: unknown) => void>();
  const asked = new Map<number, (reports: readonly Report[]) => void>();
  const early: Socket[] = [];
  let take = (socket: Socket): void => void early.push(socket);
  let makeReport: () => Promise<Report> = async () => [];
  let sweep: () => void = () => {};
  let lastId = 0;

  const send = (message: ToParent): void => {
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  };

  function accept(id: number, socket: Socket | undefined): void {
    // Said before anything is read: from then on the parent gives the connection to nobody else.
    send({ kind: 'taken', id });
    if (socket === undefined) {
      // It ended on its way.
      send({ kind: 'closed' });
      return;
    }
    socket.once('close', () => send({ kind: 'closed' }));
    take(socket);
  }

  process.on('message', (message: ToWorker, socket?: Socket) => {
    switch (message.kind) {
      case 'start':
        first.resolve(message.start);
        break;
      case 'serve':
        address.resolve(message);
        break;
      case 'connection':
        accept(message.id, socket);
        break;
      case 'heard':
        listeners.get(message.subject)?.(message.message);
        break;
      case 'report':
        // Without an answer the parent goes on with what it was told before.
        makeReport().then(
          (report) => send({ kind: 'report', id: message.id, report }),
          () => {},
        );
        break;
      case 'reported':
        asked.get(message.id)?.(message.reports);
        asked.delete(message.id);
        break;
      case 'sweep':
        sweep();
        break;
      case 'alive':
        send({ kind: 'alive' });
        break;
      case 'stop':
        stop.resolve(true);
        break;
    }
  });
  process.once('disconnect', () => stop.resolve(false));

  const started = first.promise.then(
    (start): ParentLink => ({
      start,
      opened(shared) {
        send({ kind: 'opened', shared });
        return address.promise;
      },
      receive(taker) {
        take = taker;
        for (const socket of early.splice(0)) take(socket);
        send({ kind: 'serving' });
      },
      tell: (subject, message) => send({ kind: 'tell', subject, message }),
      hear: (subject, listener) => void listeners.set(subject, listener),
      reports() {
        const id = ++lastId;
        return new Promise((resolve) => {
          asked.set(id, resolve);
          send({ kind: 'all', id });
        });
      },
      onReport(make) {
        makeReport = make;
      },
      onSweep(work) {
        sweep = work;
      },
    }),
  );
  return { started, stopped: stop.promise };
}
