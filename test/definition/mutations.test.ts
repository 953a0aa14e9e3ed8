import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDefinition } from '../../src/definition/load.ts';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import type { Definition } from '../../src/definition/types.ts';
import { ROOT } from '../house/source-files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createRandom, mutate } from './mutate.ts';

const SEED = 20;
const MUTATIONS = 300;
/** How many of them may slip through; it may only become less. */
const MOST_SLIPPED = 70;

/**
 * What the checker lets pass, and why it must: the definition still means something, only something else. An entry that nothing
 * slips through any more is an error here: take it out. `SHOW_SLIPS=1` lists what slips through.
 */
const SLIPS: readonly { readonly sort: RegExp; readonly why: string }[] = [
  {
    sort: /pipeline\b.*\/args\/(body|message|headers|status|payload|details)|args of respond\./,
    why: 'What a response or an event says is up to its author, where no schema requires it; numbers may be written as texts',
  },
  {
    sort: /(\/|^\w+ )schemas?(\/|$)/,
    why: 'A schema that asks for less, or for something else, is a schema',
  },
  {
    sort: / tags(\/|$)/,
    why: 'Tags are free; where no policy speaks of a route, its own steps may ask for scopes',
  },
  {
    sort: /^drop step |^operation |\/catch\/[A-Z_]+$|\/when( of |$)/,
    why: 'Without a step that guards, parses or cleans the others still run; so they do with one of the same arguments',
  },
  {
    sort: /pipeline\b.*\/args\/(key|keys|limit|by|order|cursor|where|prefix|in|as)(\/|$)/,
    why: 'A query that asks for less finds more, one that asks for a constant finds that',
  },
  {
    sort: /pipeline\b.*\/args\/([a-z_]+|with\/\w+|value\/\w+)$|args of (parse\.path|txn\.begin)|\/when\//,
    why: 'The argument has a default; or a constant, in the place of a variable, is a value like others',
  },
  {
    sort: /\/args\/(package|object|collect\/from)(\/|$)/,
    why: 'What `set` binds and what a loop gathers may be any value; a member less is another value',
  },
  {
    sort: /^rename path(\/|$)/,
    why: 'A route is asked for where it says',
  },
  {
    sort: /^\w+ (ops|indexes|entities|upstreams|invariants|validation|capabilities|auth|events|storage|features|env)\//,
    why: 'Less is declared, or in another order, and what is left still means something',
  },
];

/** The definition as the engine sees it: without its JSON as written, and without what is said to people. */
function meaningOf(definition: Definition | null): string {
  return JSON.stringify(definition, (key, value) =>
    ['raw', 'description', 'summary'].includes(key) ? undefined : value,
  );
}

test('breaking one thing in the default registry is found, changes nothing, or is a known slip', {
  timeout: 180_000,
}, async () => {
  const vocabulary = await loadVocabulary(join(ROOT, 'operations'));
  const folder = temporaryFolder();
  await cp(join(ROOT, 'schema.json'), join(folder, 'schema.json'));
  await cp(join(ROOT, 'routes'), join(folder, 'routes'), { recursive: true });
  const original = await loadDefinition(folder, vocabulary);
  expect(original.findings).toEqual([]);
  const meaning = meaningOf(original.definition);
  const random = createRandom(SEED);
  const slipped: string[] = [];
  let found = 0;
  for (let count = 0; count < MUTATIONS; count++) {
    const name = original.files[Math.floor(random() * original.files.length)] ?? '';
    const file = join(folder, name);
    const text = await readFile(file, 'utf8');
    const json: unknown = JSON.parse(text);
    const { sort, pointer } = mutate(json, [...vocabulary.keys()], random);
    await writeFile(file, JSON.stringify(json, null, 2));
    const { definition, findings } = await loadDefinition(folder, vocabulary);
    await writeFile(file, text);
    if (findings.length > 0) found++;
    else if (meaningOf(definition) !== meaning) slipped.push(`${sort} (${name}#${pointer})`);
  }
  if (process.env.SHOW_SLIPS === '1') console.log(slipped.toSorted().join('\n'));
  const unknown = slipped.filter((slip) => !SLIPS.some(({ sort }) => sort.test(sortOf(slip))));
  expect(unknown, 'slipped through, for no known reason').toEqual([]);
  const unused = SLIPS.filter(({ sort }) => !slipped.some((slip) => sort.test(sortOf(slip))));
  expect(
    unused.map(({ why }) => why),
    'nothing slips through for this reason any more',
  ).toEqual([]);
  expect(slipped.length).toBeLessThanOrEqual(MOST_SLIPPED);
  expect(found).toBeGreaterThan((MUTATIONS * 3) / 4);
});

function sortOf(slip: string): string {
  return slip.slice(0, slip.lastIndexOf(' ('));
}
