import type { Plan } from '../engine/compile.ts';
import type { Trial } from '../trial/trial.ts';
import { verifyBlobStore } from './blob-probes.ts';
import { verifyIndex } from './index-probes.ts';
import { verifyRecordStore } from './record-probes.ts';
import { type Check, note, type Section } from './report.ts';

/**
 * Storage, on new stores of the registry's own kinds: blobs are addressed by their content, a commit compares and sets and is all or
 * nothing, indexes find in order what is there. What the routes write is audited apart (`audit.ts`).
 */
export async function verifyStorage(trial: Trial): Promise<Section> {
  const { runtime, definition, plan } = trial;
  const checks: Check[] = [];
  for (const name of runtime.blobStoreNames) {
    checks.push(...(await verifyBlobStore(name, runtime.blobStore(name), definition.blobStores[name])));
  }
  for (const [name, { kind }] of Object.entries(definition.kvStores)) {
    const title = `${name} (${kind})`;
    const collection = firstCollection(plan, name);
    if (collection === null) checks.push(...note(`${title} holds no documents`, ['Nothing was tried on it']));
    else checks.push(...(await verifyRecordStore(title, runtime.store(name), collection)));
    for (const { name: document, indexes } of plan.collections(name)) {
      for (const index of indexes) checks.push(...(await verifyIndex(runtime.store(name), document, index)));
    }
  }
  return { id: 'storage', title: 'Storage', checks };
}

/** Some collection of the store; its records are tried with, and deleted again. */
export function firstCollection(plan: Plan, store: string): string | null {
  return plan.collections(store)[0]?.name ?? null;
}
