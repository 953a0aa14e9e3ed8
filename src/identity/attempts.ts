import { LRUCache } from 'lru-cache';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { RegistryError } from '../errors/registry-error.ts';
import type { Peers } from '../shared/peers.ts';
import { networkOf } from './network.ts';

/**
 * Bounds how often passwords may be guessed. Only failures count, for names that nobody has as for those that somebody has. At
 * most as many checks as the gate of the password checks lets in at once may overshoot a bound.
 */
export interface Attempts {
  /** Fails with RATE_LIMITED and `Retry-After` when there were too many failures for this name or from this address. */
  admit(username: string, address: string | null): void;
  failed(username: string, address: string | null): Promise<void>;
  succeeded(username: string, address: string | null): void;
}

/** How many failures are let pass within the window. */
export interface AttemptLimits {
  readonly perAccount: number;
  readonly perAddress: number;
  readonly windowSeconds: number;
}

/** Many people may share an address; few fail often under one name. */
export const DEFAULT_LIMITS: AttemptLimits = Object.freeze({ perAccount: 10, perAddress: 100, windowSeconds: 15 * 60 });

const REMEMBERED = 10_000;

interface Count {
  readonly limiter: RateLimiterMemory;
  readonly key: string;
  readonly points: number;
}

const SUBJECT = 'attempts';

/** What one process tells the others. */
interface Told {
  readonly outcome: 'failed' | 'succeeded';
  readonly username: string;
  readonly address: string | null;
}

/** The counts are in this process's memory and are lost when it ends; what its peers count, it counts, too. */
export function openAttempts(limits: AttemptLimits, peers: Peers | null = null): Attempts {
  const duration = limits.windowSeconds;
  const accounts = new RateLimiterMemory({ keyPrefix: 'account', points: limits.perAccount, duration });
  const addresses = new RateLimiterMemory({ keyPrefix: 'address', points: limits.perAddress, duration });
  /** From where which user came before. Such a pair has a count of its own, so that strangers cannot lock the user out. */
  const known = new LRUCache<string, true>({ maxSize: REMEMBERED, sizeCalculation: () => 1 });

  /** Until when (milliseconds since the epoch) a count is full: what the limiters only tell by promise. */
  const full = new LRUCache<string, number>({ maxSize: REMEMBERED, sizeCalculation: () => 1 });

  function countsOf(username: string, address: string | null): readonly Count[] {
    const account = { limiter: accounts, key: username, points: limits.perAccount };
    if (address === null) return [account];
    const network = networkOf(address);
    // Neither names nor addresses have spaces: the keys cannot be taken for one another.
    const pair = `${username} ${network}`;
    return [
      known.has(pair) ? { ...account, key: pair } : account,
      { limiter: addresses, key: ` ${network}`, points: limits.perAddress },
    ];
  }

  async function countFailure(username: string, address: string | null): Promise<void> {
    for (const { limiter, key, points } of countsOf(username, address)) {
      const count = await limiter.penalty(key);
      if (count.consumedPoints >= points) full.set(key, Date.now() + count.msBeforeNext);
    }
  }

  /** Whether that is news. */
  function remember(username: string, address: string): boolean {
    const pair = `${username} ${networkOf(address)}`;
    const isNews = !known.has(pair);
    known.set(pair, true);
    return isNews;
  }

  const tell = (told: Told) => peers?.tell(SUBJECT, told);
  peers?.hear(SUBJECT, (message) => {
    const { outcome, username, address } = message as Told;
    if (outcome === 'failed') void countFailure(username, address);
    else if (address !== null) remember(username, address);
  });

  return {
    admit(username, address) {
      for (const { key } of countsOf(username, address)) {
        const leftMs = (full.get(key) ?? 0) - Date.now();
        if (leftMs <= 0) continue;
        throw new RegistryError('RATE_LIMITED', {
          message: 'Too many attempts with a wrong password; try again later',
          headers: { 'Retry-After': String(Math.ceil(leftMs / 1000)) },
        });
      }
    },
    failed(username, address) {
      tell({ outcome: 'failed', username, address });
      return countFailure(username, address);
    },
    succeeded(username, address) {
      if (address !== null && remember(username, address)) tell({ outcome: 'succeeded', username, address });
    },
  };
}
