import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * One start of a registry, or of a part of it, in a process of its own, so that nothing is warm. Writes what each phase took as JSON.
 * Arguments: what to do, the folder of the definition, and of the data.
 */

/** What one phase took, in milliseconds of processor time and of the wall; and, where there is a collector to call, what it left in use. */
export interface Phase {
  readonly name: string;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly heapBytes: number | null;
}

const [, , mode = '', definitionFolder = '', data = ''] = process.argv;
const phases: Phase[] = [];

async function phase<T>(name: string, act: () => T | Promise<T>): Promise<T> {
  const heap = heapBytes();
  const before = [performance.now(), process.cpuUsage()] as const;
  const result = await act();
  const { user, system } = process.cpuUsage(before[1]);
  const wallMs = performance.now() - before[0];
  const after = heapBytes();
  const left = heap === null || after === null ? null : after - heap;
  phases.push({ name, cpuMs: (user + system) / 1000, wallMs, heapBytes: left });
  return result;
}

function heapBytes(): number | null {
  if (globalThis.gc === undefined) return null;
  // What one collection sets free, such as code that is not run any more, lets the next one free more.
  for (let count = 0; count < 3; count++) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** What `serve` loads; only now, so that loading them is a phase. */
async function modules() {
  const [main, http] = await Promise.all([
    import('../../src/main.ts'),
    import('../../src/http/server.ts'),
    import('../../src/http/metrics.ts'),
    import('../../src/http/request-log.ts'),
    import('../../src/inside.ts'),
    import('pino'),
  ]);
  return { ...main, ...http };
}

/** As `serve` starts. */
async function start(): Promise<void> {
  const { vocabulary, readDefinition, openDefinition, startServer } = await phase('modules', modules);
  const words = await phase('vocabulary', vocabulary);
  const { definition } = await phase('definition', () => readDefinition(definitionFolder));
  if (definition === null) throw new Error('The definition has errors');
  const registry = await phase('opened', () =>
    openDefinition(definition, words, { data, adminPassword: 'a password for the bench' }),
  );
  const log = { warn: () => {}, error: () => {} };
  const options = { registry, host: '127.0.0.1', port: 0, baseUrl: null, version: '0', log };
  const server = await phase('listening', () => startServer(options));
  await server.close(0);
  await registry.close();
}

/** Reads, then reads and checks, then compiles. */
async function parts(): Promise<void> {
  const { vocabulary, readDefinition } = await modules();
  const words = await vocabulary();
  const { createPlaces } = await import('../../src/definition/places.ts');
  const { createReporter } = await import('../../src/definition/reporter.ts');
  const { diskFiles } = await import('../../src/definition/file-source.ts');
  const { readRegistryFiles } = await import('../../src/definition/read-files.ts');
  const { compile } = await import('../../src/engine/compile.ts');
  const { openUpstreams } = await import('../../src/open-ports.ts');
  const { HANDLERS } = await import('../../src/operations/index.ts');
  const { systemClock } = await import('../../src/shared/clock.ts');
  if (mode === 'read') {
    const places = createPlaces();
    await phase('read', () => readRegistryFiles(definitionFolder, places, createReporter(places), diskFiles));
    return;
  }
  const { definition } = await phase('definition', () => readDefinition(definitionFolder));
  if (definition === null) throw new Error('The definition has errors');
  const upstreams = openUpstreams(definition, {}, {}, systemClock);
  const compileIt = (wanted: typeof definition) =>
    compile({ definition: wanted, vocabulary: words, handlers: HANDLERS, upstreams });
  const plan = await phase('compiled', () => compileIt(definition));
  if (plan.routes.length !== definition.routes.length) throw new Error('Routes were lost');
  if (globalThis.gc !== undefined) {
    // The first time, code that comes into being is kept, too: what a second definition adds is what it takes itself.
    const second = await phase('second definition', () => readDefinition(definitionFolder));
    const another = await phase('second plan', () => compileIt(second.definition ?? definition));
    if (another.routes.length !== plan.routes.length) throw new Error('Routes were lost');
  }
  for (const upstream of upstreams.values()) await upstream.close();
}

/** What no loader goes below: the same files, read and parsed. */
async function parsed(): Promise<void> {
  const files = readdirSync(definitionFolder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.json'),
  );
  const kept = await phase('parsed', () =>
    files.map((name) => JSON.parse(readFileSync(join(definitionFolder, name), 'utf8'))),
  );
  if (kept.length !== files.length) throw new Error('Files were lost');
}

if (mode === 'start') await start();
else if (mode === 'parsed') await parsed();
else await parts();
console.log(JSON.stringify(phases));
