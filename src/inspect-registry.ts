import { resolve } from 'node:path';
import type { Finding } from './definition/findings.ts';
import { loadDefinition } from './definition/load.ts';
import type { Definition } from './definition/types.ts';
import type { Vocabulary } from './definition/vocabulary.ts';
import { compile } from './engine/compile.ts';
import type { StepSite } from './engine/watch.ts';
import { type ExplainedRoute, explainRoute } from './inspect/explain-route.ts';
import { vocabulary } from './main.ts';
import { openUpstreams } from './open-ports.ts';
import { openRecordStore } from './open-record-store.ts';
import { HANDLERS } from './operations/index.ts';
import type { RecordStore } from './ports/record-store.ts';
import { systemClock } from './shared/clock.ts';

/** A definition to look at; null where it has errors. */
export interface Inspected {
  readonly definition: Definition | null;
  readonly vocabulary: Vocabulary;
  readonly findings: readonly Finding[];
}

/** Reads and checks a definition; opens nothing. */
export async function inspectRegistry(path: string): Promise<Inspected> {
  const words = await vocabulary();
  const { definition, findings } = await loadDefinition(resolve(path), words);
  return { definition, vocabulary: words, findings };
}

/**
 * Compiles one route and asks empty stores of the definition's kinds what they would run. Touches no data folder. Null when there is no
 * such route.
 */
export async function explainRouteOf(
  definition: Definition,
  words: Vocabulary,
  routeId: string,
): Promise<ExplainedRoute | null> {
  const route = definition.routes.find((entry) => entry.id === routeId);
  if (route === undefined) return null;
  const sites: StepSite[] = [];
  const upstreams = openUpstreams(definition, {}, {}, systemClock);
  const plan = compile({
    definition: { ...definition, routes: [route] },
    vocabulary: words,
    handlers: HANDLERS,
    upstreams,
    watch: {
      wrap(run, site) {
        sites.push(site);
        return run;
      },
    },
  });
  const stores = new Map<string, RecordStore>();
  try {
    for (const [name, { kind }] of Object.entries(definition.kvStores)) {
      const empty = { kind, path: null, server: null };
      const store = openRecordStore(name, empty, { data: null, env: {}, clock: systemClock });
      stores.set(name, store);
      await store.migrate(plan.collections(name), plan.project);
    }
    const store = (name: string) => {
      const found = stores.get(name);
      if (found === undefined) throw new Error(`The checker let the store ${name} pass`);
      return found;
    };
    return explainRoute(route, { definition, vocabulary: words, plan, sites, store });
  } finally {
    for (const store of stores.values()) await store.close();
    for (const upstream of upstreams.values()) await upstream.close();
  }
}
