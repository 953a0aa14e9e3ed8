import { randomUUID } from 'node:crypto';
import type { Json } from '../definition/types.ts';
import { RegistryError } from '../errors/registry-error.ts';
import type { PrincipalView } from '../language/frame.ts';
import type { Cache } from '../ports/cache.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import { RequestBlobs } from './blobs.ts';
import type { DetachedSession, Records, Session, SessionIdentity } from './contract.ts';
import { type CpuMark, cpuMark, cpuMsSince } from './cpu-time.ts';
import { openCursor, sealCursor } from './cursor.ts';
import type { Fills } from './fills.ts';
import { NOBODY } from './record-frame.ts';
import { RequestRecords } from './records.ts';
import type { Representations } from './representations.ts';
import type { RequestState } from './request-state.ts';
import type { EngineRuntime } from './runtime.ts';
import type { Transaction } from './transaction.ts';

interface SessionRequest {
  readonly signal: AbortSignal;
  readonly requestId?: string | undefined;
}

/** The state of one request. Ends with `end`, when its response was sent or given up. */
export class RequestSession implements Session, RequestState {
  readonly engine: EngineRuntime;
  readonly principal: PrincipalView;
  readonly identity: SessionIdentity;
  /** The open transaction's current attempt. */
  txn: Transaction | null = null;
  caught: RegistryError | null = null;
  #requestId: string | null = null;
  #records: Records | null = null;
  #blobs: RequestBlobs | null = null;
  #atEnd: (() => void)[] | null = null;
  #sequence: MaybePromise<number> | null = null;
  #ioCount = 0;
  #cpuUsedMs = 0;
  #cpuStart: number;
  #cpuMark: CpuMark;
  #suspended = false;
  #isExclusive = false;
  #waitingSince = 0;
  #longestWaitMs = 0;
  #longestWait: string | null = null;

  readonly #request: SessionRequest;
  readonly #maxCpuMs: number;

  /** `startedAt` is as `performance.now()` says. */
  constructor(
    engine: EngineRuntime,
    identity: SessionIdentity,
    request: SessionRequest,
    principal: PrincipalView,
    startedAt: number,
    maxCpuMs: number = engine.limits.maxCpuMsPerRequest,
  ) {
    this.engine = engine;
    this.identity = identity;
    this.#request = request;
    this.principal = principal;
    this.#maxCpuMs = maxCpuMs;
    this.#cpuStart = startedAt;
    this.#cpuMark = cpuMark(startedAt);
  }

  /** Asked of the request only when somebody needs it: most need none, and making one is dear. */
  get signal(): AbortSignal {
    return this.#request.signal;
  }

  get requestId(): string {
    this.#requestId ??= this.#request.requestId ?? randomUUID();
    return this.#requestId;
  }

  get records(): Records {
    this.#records ??= new RequestRecords(this);
    return this.#records;
  }

  get blobs(): RequestBlobs {
    this.#blobs ??= new RequestBlobs(this);
    return this.#blobs;
  }

  /** Null: all blobs that were put are durable. */
  get blobsPlaced(): Promise<unknown> | null {
    return this.#blobs === null ? null : this.#blobs.placed;
  }

  get cache(): Cache {
    return this.engine.cache;
  }

  get representations(): Representations {
    return this.engine.representations;
  }

  get fills(): Fills {
    return this.engine.fills;
  }

  detached(principal: PrincipalView = NOBODY): DetachedSession {
    const request = { signal: NEVER, requestId: this.requestId };
    const session = new RequestSession(
      this.engine,
      this.identity,
      request,
      principal,
      performance.now(),
      this.engine.limits.maxCpuMsPerBuild,
    );
    return { session, principal, end: () => session.end() };
  }

  now(): number {
    return this.engine.clock.now();
  }

  defer(action: () => MaybePromise<unknown>): MaybePromise<void> {
    if (this.txn !== null) {
      this.txn.deferred.push(action);
      return;
    }
    try {
      const result = action();
      if (result instanceof Promise) return result.then(nothing, (cause) => this.#deferredFailed(cause));
    } catch (cause) {
      this.#deferredFailed(cause);
    }
  }

  #deferredFailed(cause: unknown): void {
    this.engine.log.warning('A deferred effect failed', cause);
  }

  countIo(): void {
    if (++this.#ioCount > this.engine.limits.maxIoOpsPerRequest) throw new RegistryError('IO_LIMIT');
  }

  async exclusive<T>(key: string, work: () => MaybePromise<T>): Promise<T> {
    if (this.txn !== null || this.#isExclusive) {
      throw new RegistryError('INTERNAL', {
        message: 'Exclusive work was begun inside a transaction or other exclusive work',
      });
    }
    this.#isExclusive = true;
    try {
      const turn = await this.engine.turns.take([`exclusive\0${key}`], this.signal);
      try {
        return await work();
      } finally {
        turn.release();
      }
    } finally {
      this.#isExclusive = false;
    }
  }

  checkCpu(): void {
    // While the sequence waits, what is done meanwhile was counted by `spend`.
    const runningMs = this.#suspended ? 0 : performance.now() - this.#cpuStart;
    if (this.#cpuUsedMs + runningMs <= this.#maxCpuMs) return;
    if (this.#cpuUsedMs + this.#computed(runningMs) > this.#maxCpuMs) throw new RegistryError('CPU_LIMIT');
  }

  /** How much of a time that has just gone by this thread computed: on a busy machine it may have stood still for most of it. */
  #computed(ms: number): number {
    return ms < SHORT_MS ? ms : Math.min(ms, cpuMsSince(this.#cpuMark));
  }

  spend(ms: number): void {
    if (this.#suspended) this.#cpuUsedMs += ms;
  }

  suspend(): void {
    if (this.#suspended) return;
    this.#suspended = true;
    this.#waitingSince = performance.now();
    this.#cpuUsedMs += this.#computed(this.#waitingSince - this.#cpuStart);
  }

  resume(site?: string): void {
    if (!this.#suspended) return;
    this.#suspended = false;
    this.#cpuStart = performance.now();
    this.#cpuMark = cpuMark(this.#cpuStart);
    const waitedMs = this.#cpuStart - this.#waitingSince;
    if (site === undefined || waitedMs <= this.#longestWaitMs) return;
    this.#longestWaitMs = waitedMs;
    this.#longestWait = site;
  }

  /** The step that was waited for longest; null where none was. */
  get longestWait(): string | null {
    return this.#longestWait;
  }

  sealCursor(purpose: string, position: Json): string {
    return sealCursor(this.engine.cursorKey, purpose, position);
  }

  openCursor(purpose: string, cursor: string): Json {
    return openCursor(this.engine.cursorKey, purpose, cursor);
  }

  atEnd(action: () => void): void {
    this.#atEnd ??= [];
    this.#atEnd.push(action);
  }

  /** Notes the sequence as it is now, before anything was read. */
  noteSequence(): void {
    this.#sequence ??= this.engine.sequence();
  }

  sequence(): MaybePromise<number> {
    this.#sequence ??= this.engine.sequence();
    return this.#sequence;
  }

  /** Ends what the request still holds: leases of blobs that no record came to name, bytes that nobody read. */
  end(): void {
    if (this.#blobs !== null) this.#blobs.releaseAll();
    if (this.#atEnd !== null) {
      for (const action of this.#atEnd) action();
      this.#atEnd = null;
    }
  }
}

/** Of less it does not matter who had the processor. */
const SHORT_MS = 5;

const NEVER = new AbortController().signal;

function nothing(): void {}
