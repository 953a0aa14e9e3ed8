import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadDefinition } from '../../src/definition/load.ts';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import type { Vocabulary } from '../../src/definition/vocabulary.ts';
import { ROOT } from '../house/source-files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PACK = join(ROOT, 'routes/packages');
let vocabulary: Vocabulary;

beforeAll(async () => {
  vocabulary = await loadVocabulary(join(ROOT, 'operations'));
});

/** Milliseconds of computing, the least of three: other work on the machine does not count. */
async function computingMs(path: string): Promise<number> {
  const taken: number[] = [];
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage();
    const { findings } = await loadDefinition(path, vocabulary);
    const { user, system } = process.cpuUsage(before);
    expect(findings).toEqual([]);
    taken.push((user + system) / 1000);
  }
  return Math.min(...taken);
}

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** A registry with at least this many routes: the packages pack again and again, with other names. */
function writeMany(folder: string, routes: number): number {
  const names = readdirSync(PACK).filter((name) => name.endsWith('.json') && !name.includes('.test.'));
  const files = names.map((name) => ({ name, json: readJson(join(PACK, name)) }));
  const copies = Math.ceil(routes / (files.length - 1));
  const packs = Array.from({ length: copies }, (_, copy) => `routes/pack${copy}`);
  for (const [copy, pack] of packs.entries()) {
    mkdirSync(join(folder, pack), { recursive: true });
    for (const { name, json } of files) {
      const isPack = name === 'pack.json';
      const own = isPack ? { name: `pack${copy}`, mount: `/pack${copy}` } : {};
      const file = isPack ? name : name.replace('.json', `_${copy}.json`);
      writeFileSync(join(folder, pack, file), JSON.stringify({ ...json, ...own }, null, 2));
    }
  }
  const { invariants: _, ...schema } = readJson(join(ROOT, 'schema.json'));
  writeFileSync(join(folder, 'schema.json'), JSON.stringify({ ...schema, packs }));
  return copies * (files.length - 1);
}

test('the default registry is checked in well under half a second', { timeout: 60_000 }, async () => {
  expect(await computingMs(ROOT)).toBeLessThan(250);
});

test('a thousand routes are checked in under three seconds', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder();
  expect(writeMany(folder, 1000)).toBeGreaterThanOrEqual(1000);
  expect(await computingMs(folder)).toBeLessThan(3000);
});
