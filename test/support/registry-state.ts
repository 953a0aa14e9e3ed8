import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Registry } from '../../src/main.ts';

/** What the stores of a registry hold, when blobs that nobody waits for are swept. */
export interface RegistryState {
  /** Documents by their type. */
  readonly records: Readonly<Record<string, readonly unknown[]>>;
  /** Document type, key and version of every record: a write that changes nothing shows here. */
  readonly versions: readonly string[];
  /** Type and payload in one object, in the order of the log. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
  /** Digests of all that is in the blob store, sorted. */
  readonly blobs: readonly string[];
}

/** Reads everything; fails when a record names a blob that is not there. Assumes one record store and one blob store. */
export async function stateOf(registry: Registry): Promise<RegistryState> {
  const { runtime, definition } = registry;
  await registry.sweep();
  const store = runtime.store('meta');
  const stored = await runtime.blobStore('primary').list(null, 10_000);
  const blobs = stored.map(({ digest }) => digest).sort();
  const records: Record<string, unknown[]> = {};
  const versions: string[] = [];
  for (const document of Object.keys(definition.documents)) {
    const page = await store.list({ collection: document, prefix: '', after: null, limit: 1000 });
    records[document] = page.records.map(({ value }) => JSON.parse(value));
    versions.push(...page.records.map(({ key, version }) => `${document} ${key} ${version}`));
    const named = records[document].flatMap((value) => runtime.rules(document).digests(value));
    expect(blobs, `blobs named by ${document}`).toEqual(expect.arrayContaining(named));
  }
  const events = (await store.events(0, 1000)).map(({ type, payload }) => ({ type, ...JSON.parse(payload) }));
  return { records, versions, events, blobs };
}

/** Nothing was written. A blob that nothing names may have gone; none may have come. */
export function expectUnchanged(before: RegistryState, after: RegistryState, why: string): void {
  expect({ ...after, blobs: [] }, why).toEqual({ ...before, blobs: [] });
  expect(before.blobs, why).toEqual(expect.arrayContaining([...after.blobs]));
}

/** As blob stores write it. */
export function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
