import { type LockSet, MAX_LOCKS } from './postgres-locks.ts';
import { MAX_EVENTS } from './postgres-writes.ts';

/** A commit that waits for its turn. */
export interface Queued {
  readonly locks: LockSet;
  /** With those of what it replaces, about. */
  readonly mostLocks: number;
  /** Of what it writes, about. */
  readonly bytes: number;
  readonly events: number;
  /** It goes in a transaction of its own: in company it failed, or held others up. */
  readonly goesAlone: boolean;
}

export interface CommitQueueOptions<T extends Queued> {
  /** Transactions at the same time, of which so many may have several commits. */
  readonly lanes: number;
  readonly shared: number;
  /**
   * Makes one transaction of commits that have nothing to do with each other. `behind`: some of those that wait because they have to do with
   * others. Must not fail; what is left to do afterwards is given back by `add` or `giveBack`.
   */
  start(commits: readonly T[], behind: readonly T[]): Promise<void>;
}

/**
 * The commits of one process on their way to the database. One that comes when a lane is free goes at once; those that come while none is
 * share the next. No commit goes while one is under way, or stands before it in the line, that has to do with it: nobody holds up a lane by
 * waiting for another, and everybody's turn comes.
 */
export interface CommitQueue<T extends Queued> {
  add(commit: T): void;
  /** Puts commits back to where they came from, the head of the line. */
  giveBack(commits: readonly T[]): void;
  /** Takes out one that waits; false where it does not wait any more. */
  withdraw(commit: T): boolean;
}

const MAX_COMMITS = 64;
const MAX_BYTES = 4_000_000;
/** So many of the line are looked through for those that may go, and so many of those that may not are looked at with them. */
const MAX_SEEN = 1000;
const MAX_BEHIND = 200;

export function createCommitQueue<T extends Queued>(options: CommitQueueOptions<T>): CommitQueue<T> {
  const { lanes, shared, start } = options;
  // Where somebody else holds up all who go alone, the rest goes on.
  const alone = Math.max(1, lanes - 1);
  let line = new Set<T>();
  const underWay = createClaims();
  let running = 0;
  let sharing = 0;
  /** How many of the line go alone. */
  let lonely = 0;
  let isDue = false;

  function mayStart(): boolean {
    return running < lanes && (sharing < shared || (lonely > 0 && running - sharing < alone));
  }

  function take(commit: T): boolean {
    const isThere = line.delete(commit);
    if (isThere && commit.goesAlone) lonely -= 1;
    return isThere;
  }

  /** All that arrive in one turn of the event loop are seen together. */
  function look(): void {
    if (isDue || !mayStart()) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      fill();
    });
  }

  function fill(): void {
    const ahead = createClaims();
    const free: T[] = [];
    const behind: T[] = [];
    let seen = 0;
    for (const commit of line) {
      if (++seen > MAX_SEEN || free.length >= MAX_COMMITS * shared) break;
      const mayGo = !underWay.meet(commit.locks) && !ahead.meet(commit.locks);
      ahead.add(commit.locks);
      if (!mayGo) behind.push(commit);
      else if (!commit.goesAlone) free.push(commit);
      else if (running < lanes && running - sharing < alone) go([commit], [], false);
    }
    let at = 0;
    while (at < free.length && sharing < shared && running < lanes) {
      const lanesLeft = Math.min(shared - sharing, lanes - running);
      const batch = fitting(free, at, Math.ceil((free.length - at) / lanesLeft));
      at += batch.length;
      go(batch, behind.splice(0, MAX_BEHIND), true);
    }
  }

  function go(batch: readonly T[], behind: readonly T[], isShared: boolean): void {
    running += 1;
    if (isShared) sharing += 1;
    for (const commit of batch) {
      take(commit);
      underWay.add(commit.locks);
    }
    void start(batch, behind).finally(() => {
      running -= 1;
      if (isShared) sharing -= 1;
      for (const { locks } of batch) underWay.remove(locks);
      look();
    });
  }

  return {
    add(commit) {
      line.add(commit);
      if (commit.goesAlone) lonely += 1;
      look();
    },
    giveBack(commits) {
      if (commits.length === 0) return;
      line = new Set([...commits, ...line]);
      for (const { goesAlone } of commits) if (goesAlone) lonely += 1;
      look();
    },
    withdraw: take,
  };
}

/** As many, from a place on, as one transaction takes; one at least. */
function fitting<T extends Queued>(all: readonly T[], from: number, most: number): readonly T[] {
  let [bytes, events, locks] = [0, 0, 0];
  let to = from;
  for (; to < all.length && to - from < Math.min(most, MAX_COMMITS); to++) {
    const next = all[to];
    if (next === undefined) break;
    bytes += next.bytes;
    events += next.events;
    locks += next.mostLocks;
    if (to > from && (bytes > MAX_BYTES || events > MAX_EVENTS || locks > MAX_LOCKS)) break;
  }
  return all.slice(from, to);
}

/** Names that are held, each by any number of commits. */
export interface Claims {
  /** Whether a commit with these locks would have to wait. */
  meet(locks: LockSet): boolean;
  add(locks: LockSet): void;
  remove(locks: LockSet): void;
}

export function createClaims(): Claims {
  const held = new Map<string, { all: number; forOne: number }>();
  return {
    meet(locks) {
      for (const [name, isForOne] of locks) {
        const holders = held.get(name);
        if (holders !== undefined && (isForOne || holders.forOne > 0)) return true;
      }
      return false;
    },
    add(locks) {
      for (const [name, isForOne] of locks) {
        const holders = held.get(name) ?? { all: 0, forOne: 0 };
        held.set(name, holders);
        holders.all += 1;
        if (isForOne) holders.forOne += 1;
      }
    },
    remove(locks) {
      for (const [name, isForOne] of locks) {
        const holders = held.get(name);
        if (holders === undefined) continue;
        holders.all -= 1;
        if (isForOne) holders.forOne -= 1;
        if (holders.all === 0) held.delete(name);
      }
    },
  };
}
