import type { Socket } from 'node:net';

/** A process that can be given connections. */
export interface Receiver {
  /** Gives a copy of the connection; the one here stays as it is. */
  give(id: number, socket: Socket): void;
}

/** Connections on their way from the parent, which accepts them, to the workers. */
export interface HandOver {
  /** Takes a connection that nothing was read from. */
  take(socket: Socket): void;
  /** A worker gives and answers from now on. */
  join(worker: Receiver): void;
  /** A worker is gone: what it had not taken goes to others. */
  leave(worker: Receiver): void;
  taken(worker: Receiver, id: number): void;
  closed(worker: Receiver): void;
  /** Ends what nobody has taken. */
  end(): void;
}

interface Load {
  /** Connections that it has, or is being given. */
  open: number;
  readonly untaken: Map<number, Socket>;
}

/** Connections that wait while there is no worker at all; those on top are ended. */
const MOST_WAITING = 1024;
/** A worker takes what it is given at once. One that is stuck, or has no descriptor left, of which Node says nothing, never does. */
const MOST_UNTAKEN_MS = 30_000;

/**
 * Gives each connection to the worker that has the fewest. The kernel would share them out by chance (`SO_REUSEPORT`) or to whoever asks
 * first (one listening socket for all): a proxy with eight connections that it keeps would often leave one of two workers idle. Each
 * connection passes here once; its bytes never do. Until a worker says that it has taken a connection, it is kept here, too, so that one
 * that was given to a worker which died loses nothing. One that nobody takes is ended after 30 s.
 */
export function createHandOver(untakenMs = MOST_UNTAKEN_MS): HandOver {
  const loads = new Map<Receiver, Load>();
  const waiting: Socket[] = [];
  let lastId = 0;

  function take(socket: Socket): void {
    // It was given up.
    if (socket.destroyed) return;
    let best: [Receiver, Load] | null = null;
    for (const entry of loads) if (best === null || entry[1].open < best[1].open) best = entry;
    if (best !== null) give(best[0], best[1], socket);
    else if (waiting.length < MOST_WAITING) waiting.push(socket);
    else socket.destroy();
  }

  function give(worker: Receiver, load: Load, socket: Socket): void {
    const id = ++lastId;
    // To the end: of those with equally many the next one comes first.
    loads.delete(worker);
    loads.set(worker, load);
    load.open++;
    load.untaken.set(id, socket);
    socket.once('close', () => {
      if (load.untaken.delete(id)) load.open--;
    });
    worker.give(id, socket);
  }

  return {
    take(socket) {
      // The client went away while it was on its way: whoever takes it finds out.
      socket.on('error', () => {});
      // Ends the copy here alone: a worker that has its own keeps the connection.
      socket.setTimeout(untakenMs, () => socket.destroy());
      take(socket);
    },
    join(worker) {
      loads.set(worker, { open: 0, untaken: new Map() });
      for (const socket of waiting.splice(0)) take(socket);
    },
    leave(worker) {
      const load = loads.get(worker);
      loads.delete(worker);
      for (const socket of load?.untaken.values() ?? []) take(socket);
    },
    taken(worker, id) {
      const load = loads.get(worker);
      if (load === undefined) return;
      const socket = load.untaken.get(id);
      // It was given up here, and came after all.
      if (!load.untaken.delete(id)) load.open++;
      socket?.destroy();
    },
    closed(worker) {
      const load = loads.get(worker);
      if (load !== undefined) load.open--;
    },
    end() {
      for (const socket of waiting.splice(0)) socket.destroy();
      for (const { untaken } of loads.values()) for (const socket of untaken.values()) socket.destroy();
    },
  };
}
