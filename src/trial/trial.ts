import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Definition } from '../definition/types.ts';
import type { Plan } from '../engine/compile.ts';
import { createEngine } from '../engine/engine.ts';
import type { EngineResponse } from '../engine/exchange.ts';
import type { EngineRuntime } from '../engine/runtime.ts';
import type { RegistryError } from '../errors/registry-error.ts';
import { identityOf } from '../identity-of.ts';
import type { PrincipalView } from '../language/frame.ts';
import { openPorts, openUpstreams } from '../open-ports.ts';
import { openRecordStore } from '../open-record-store.ts';
import type { Commit, RecordStore, StoredEvent, StoredRecord } from '../ports/record-store.ts';
import { sessionIdentity } from '../session-identity.ts';
import type { Clock } from '../shared/clock.ts';
import { whenReady } from '../shared/maybe-promise.ts';
import type { Prepared } from './prepare.ts';

export interface TrialOptions {
  /** As prepared, but for stores and upstreams, which may be others. */
  readonly definition: Definition;
  readonly prepared: Prepared;
  /** Where stores that need a folder have theirs; absolute. Whoever made it removes it. */
  readonly folder: string;
  /** Keeps everything in memory, whatever the definition says. */
  readonly memory: boolean;
  /** The only variables there are. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** By name; there are no others, not even `admin`. */
  readonly users?: Readonly<Record<string, TrialUser>>;
  /** What opens record stores, where that is not the adapter that their kind names. */
  readonly openRecordStore?: typeof openRecordStore | undefined;
}

/** A user, whose credentials a request may come with. */
export interface TrialUser {
  readonly password?: string;
  /** Of those declared, or `*`. */
  readonly scopes?: readonly string[];
  readonly roles?: readonly string[];
  readonly org?: string | null;
}

export interface TrialRequest {
  readonly method: string;
  /** Raw path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  /** Declared length, where it is not that of the body. */
  readonly length?: number;
  /** Null: anonymous. */
  readonly principal: PrincipalView | null;
}

export interface TrialResponse {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

export interface NotedCommit {
  /** Name of the record store. */
  readonly store: string;
  readonly version: number;
  readonly commit: Commit;
}

/** A registry on throw-away stores, in this process, for whoever tries things out: anybody can be the principal of a request. */
export interface Trial {
  readonly definition: Definition;
  readonly plan: Plan;
  readonly runtime: EngineRuntime;
  /** Commits that succeeded, in order, with their versions. */
  readonly commits: readonly NotedCommit[];
  /** Failures (5xx) so far, with their causes. */
  readonly failures: readonly RegistryError[];
  send(request: TrialRequest): Promise<TrialResponse>;
  /** All records of a document, in the order of their keys. */
  records(document: string): Promise<readonly StoredRecord[]>;
  /** The whole log, store by store. */
  events(): Promise<readonly StoredEvent[]>;
  /** Digests of all blobs, after a sweep of those that no record names, in byte order. */
  blobs(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const PAGE = 1000;

/** Opens a definition. Of one `prepared` there is one trial at a time. */
export async function openTrial(options: TrialOptions): Promise<Trial> {
  const { definition, prepared, folder, memory, clock } = options;
  const { plan } = prepared;
  const env = Object.fromEntries(definition.env.map((name) => [name, options.env[name] ?? null]));
  const upstreams = openUpstreams(definition, options.env, env, clock);
  prepared.connect(upstreams);
  const failures: RegistryError[] = [];
  const commits: NotedCommit[] = [];
  const ports = await openPorts({
    definition,
    plan,
    data: folder,
    clock,
    log: { failure: ({ error }) => failures.push(error), warning: () => {} },
    memory,
    inline: true,
    duties: true,
    waitMs: 0,
    onWaiting: () => {},
    onIndexing: () => {},
    env: options.env,
    openRecordStore: options.openRecordStore ?? openRecordStore,
    wrapRecordStore: (store, name) => noteCommits(store, name, commits),
  });
  const { runtime } = ports;
  const principals = new Map<string, PrincipalView>();
  const identity = await identityOf(definition, ports.identityStore, clock);
  for (const [username, { password = null, scopes = [], ...user }] of Object.entries(options.users ?? {})) {
    await identity.createUser({ username, password, scopes, ...user });
  }
  const engine = createEngine({
    plan,
    runtime,
    env,
    authenticate: (values, address) =>
      (values.length === 1 ? principals.get(values[0] ?? '') : undefined) ?? identity.authenticate(values, address),
    identity: sessionIdentity(identity),
  });
  return {
    definition,
    plan,
    runtime,
    commits,
    failures,
    async send(request) {
      const { method, target, body, principal, length } = request;
      const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
        name.toLowerCase(),
        value,
      ]);
      const ticket = `Trial ${randomUUID()}`;
      if (principal !== null) {
        principals.set(ticket, principal);
        headers.push(['authorization', ticket]);
      }
      try {
        const response = await engine.handle({
          method,
          target,
          headers,
          body: body === null ? null : Readable.from([body], { objectMode: false }),
          contentLength: body === null ? null : (length ?? body.length),
          ip: '127.0.0.1',
          baseUrl: 'http://registry.example',
          signal: new AbortController().signal,
        });
        return { status: response.status, headers: response.headers, body: await contentOf(response) };
      } finally {
        principals.delete(ticket);
      }
    },
    async records(document) {
      const store = runtime.store(runtime.rules(document).plan.store);
      const records: StoredRecord[] = [];
      for (;;) {
        const after = records.at(-1)?.key ?? null;
        const page = await store.list({ collection: document, prefix: '', after, limit: PAGE });
        records.push(...page.records);
        if (!page.more) return records;
      }
    },
    async events() {
      const logs = Object.keys(definition.kvStores).map(async (name) => {
        const events: StoredEvent[] = [];
        for (;;) {
          const page = await runtime.store(name).events(events.at(-1)?.position ?? 0, PAGE);
          events.push(...page);
          if (page.length < PAGE) return events;
        }
      });
      return (await Promise.all(logs)).flat();
    },
    async blobs() {
      await ports.sweep();
      const digests: string[] = [];
      for (const name of runtime.blobStoreNames) {
        let page = await runtime.blobStore(name).list(null, PAGE);
        while (page.length > 0) {
          digests.push(...page.map(({ digest }) => digest));
          page = await runtime.blobStore(name).list(page.at(-1)?.digest ?? null, PAGE);
        }
      }
      return digests.sort();
    },
    async close() {
      for (const upstream of upstreams.values()) await upstream.close();
      await ports.close();
    },
  };
}

function noteCommits(store: RecordStore, name: string, commits: NotedCommit[]): RecordStore {
  return {
    ...store,
    commit: (commit) =>
      whenReady(store.commit(commit), (result) => {
        if (result.ok) commits.push({ store: name, version: result.version, commit });
        return result;
      }),
  };
}

async function contentOf({ body }: EngineResponse): Promise<Buffer> {
  if (body === null) return Buffer.alloc(0);
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.concat(await body.toArray());
}
