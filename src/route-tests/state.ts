import type { Definition, Json } from '../definition/types.ts';
import { compareValues, type Difference } from '../trial/differences.ts';
import type { MockUpstream } from '../trial/mock-upstream.ts';
import type { Trial } from '../trial/trial.ts';
import { resolveName } from './check-names.ts';
import type { ExpectedState } from './test-file.ts';

/** What a trial's stores hold. */
export interface StoreState {
  /** `document key version`, to notice a write that changes nothing. */
  readonly versions: readonly string[];
  /** Values by document and key. */
  readonly records: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly events: readonly { readonly type: string; readonly payload: unknown }[];
  readonly blobs: readonly string[];
}

/** Reads everything; blobs that no record names are swept first. */
export async function readState(trial: Trial): Promise<StoreState> {
  const versions: string[] = [];
  const records: Record<string, Record<string, unknown>> = {};
  for (const document of Object.keys(trial.definition.documents)) {
    const stored = await trial.records(document);
    versions.push(...stored.map(({ key, version }) => `${document} ${key} ${version}`));
    records[document] = Object.fromEntries(stored.map(({ key, value }) => [key, JSON.parse(value)]));
  }
  const events = (await trial.events()).map(({ type, payload }) => ({ type, payload: JSON.parse(payload) as unknown }));
  return { versions, records, events, blobs: await trial.blobs() };
}

/** Where the state after a request is not as a test says. */
export function compareState(
  expected: ExpectedState,
  before: StoreState,
  after: StoreState,
  mocks: ReadonlyMap<string, MockUpstream>,
  definition: Definition,
  pack: string | null,
): readonly Difference[] {
  const found: Difference[] = [];
  const appended = after.events.slice(before.events.length);
  if (expected.unchanged === true) {
    found.push(
      ...compareValues(after.versions, [...before.versions], 'records'),
      ...compareValues(appended, [], 'events'),
      // One that no record names may well have been swept.
      ...compareValues(
        after.blobs.filter((digest) => !before.blobs.includes(digest)),
        [],
        'blobs added',
      ),
    );
  }
  for (const [name, records] of Object.entries(expected.records ?? {})) {
    const document = resolveName(definition.documents, pack, name) ?? name;
    found.push(...compareValues(after.records[document] ?? {}, records, `records/${name}`));
  }
  if (expected.events !== undefined) {
    const events: readonly Json[] = expected.events.map(({ type, payload }) => ({
      type: resolveName(definition.events, pack, type) ?? type,
      payload,
    }));
    found.push(...compareValues(appended, events, 'events'));
  }
  if (expected.blobs !== undefined) found.push(...compareValues(after.blobs, [...expected.blobs].sort(), 'blobs'));
  for (const [name, requests] of Object.entries(expected.upstreams ?? {})) {
    found.push(...compareValues(mocks.get(name)?.requests ?? [], [...requests], `upstreams/${name}`));
  }
  return found;
}
