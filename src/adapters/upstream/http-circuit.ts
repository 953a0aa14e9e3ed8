import { RegistryError } from '../../errors/registry-error.ts';
import type { UpstreamOptions } from '../../ports/upstream.ts';
import type { Clock } from '../../shared/clock.ts';

/** Leaves an upstream alone after repeated failures. */
export interface Circuit {
  /** Asks to make an attempt; each gets one verdict. Fails with UPSTREAM_CIRCUIT_OPEN. */
  enter(): Attempt;
  readonly isOpen: boolean;
}

export interface Attempt {
  succeed(): void;
  fail(): void;
  /** Says nothing about the upstream: the caller went away, or the request was not made. */
  withdraw(): void;
}

/**
 * Opens for `openMs` after so many failures without a success between; then lets one attempt through, whose verdict closes
 * or opens it again. Null never opens.
 */
export function createCircuit(options: UpstreamOptions['circuit'], clock: Clock): Circuit {
  const limit = options?.failures ?? Number.POSITIVE_INFINITY;
  let failures = 0;
  let openUntil: number | null = null;
  let onTrial = false;

  function refuse(): never {
    const seconds = Math.max(1, Math.ceil(((openUntil ?? 0) - clock.now()) / 1000));
    throw new RegistryError('UPSTREAM_CIRCUIT_OPEN', { headers: { 'retry-after': String(seconds) } });
  }

  function open(): void {
    openUntil = clock.now() + (options?.openMs ?? 0);
  }

  function close(): void {
    failures = 0;
    openUntil = null;
  }

  const trial: Attempt = {
    succeed() {
      onTrial = false;
      close();
    },
    fail() {
      onTrial = false;
      open();
    },
    withdraw() {
      onTrial = false;
    },
  };
  // Verdicts that come while it is open are about attempts from before and change nothing.
  const ordinary: Attempt = {
    succeed() {
      if (openUntil === null) failures = 0;
    },
    fail() {
      failures += 1;
      if (openUntil === null && failures >= limit) open();
    },
    withdraw() {},
  };

  return {
    get isOpen() {
      return openUntil !== null;
    },
    enter() {
      if (openUntil === null) return ordinary;
      if (onTrial || clock.now() < openUntil) refuse();
      onTrial = true;
      return trial;
    },
  };
}
