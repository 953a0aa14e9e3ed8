import { expect, it } from 'vitest';
import type { SearchQuery, SimilarWords } from '../../src/ports/record-search.ts';
import { stemOf, wordsOf } from '../../src/shared/words.ts';
import { type RecordSuite, write } from './record-fixture.ts';
import { createRandom } from './record-model.ts';
import { type Paper, paper, search, searchOf, similarTo } from './record-search-fixture.ts';

const WORDS = ['run', 'running', 'runner', 'json', 'jason', 'parse', 'parser', 'py', 'pyramid', 'été', '日本', 'x1'];
const WEIGHTS = { title: 3, abstract: 2, tags: 1 } as const;

/** Search as one would describe it in a sentence each, over all papers one by one. */
export function recordSearchModel(suite: RecordSuite): void {
  it.each([1, 2, 3])('agrees with a plain model on random texts and queries (seed %i)', async (seed) => {
    const { store } = suite;
    const random = createRandom(seed);
    const papers = new Map<string, Paper>();
    const some = (most: number) => Array.from({ length: random.below(most + 1) }, () => random.pick(WORDS)).join(' ');
    for (let round = 0; round < 60; round++) {
      for (let count = random.below(6); count > 0; count--) {
        const title = random.below(5) === 0 ? null : some(3);
        const tags = some(2).split(' ');
        papers.set(`k${random.below(50)}`, { title, abstract: some(8), tags, kind: random.below(3) });
      }
      const gone = `k${random.below(50)}`;
      papers.delete(gone);
      const puts = [...papers].map(([key, fields]) => paper(key, fields));
      await write(store, { puts, deletes: [{ collection: 'papers', key: gone }] });
      const begun = random.pick(WORDS);
      const typed = `${some(2)} ${begun.slice(0, 1 + random.below(begun.length))}${random.below(3) === 0 ? 'q' : ''}`;
      for (const similar of [null, await similarTo(store, typed)]) {
        const query = searchOf(typed, { similar, limit: 1 + random.below(60), wantsTotal: true });
        const expected = modelHits(papers, query);
        const { hits, total, more } = await search(store, query);
        const shown = hits.map(({ key, score }) => `${key} ${score}`);
        expect([typed, similar, shown, total, more]).toEqual([
          typed,
          similar,
          expected.slice(0, query.limit),
          expected.length,
          expected.length > query.limit,
        ]);
      }
    }
  });
}

function modelHits(papers: ReadonlyMap<string, Paper>, { text, similar }: SearchQuery): readonly string[] {
  const typed = distinct([...wordsOf(text)].map(({ word }) => word));
  if (typed.length === 0) return [];
  const scored = [...papers].flatMap(([key, fields]) => {
    const worth = typed.map((word, place) =>
      wordWorth(fields, word, place === typed.length - 1, similar?.[place] ?? []),
    );
    return worth.includes(0) ? [] : [{ key, score: worth.reduce((sum, one) => sum + one, 0) }];
  });
  scored.sort((a, b) => b.score - a.score || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  return scored.map(({ key, score }) => `${key} ${score}`);
}

/** What a paper has for one word: the word itself before all else, in the heaviest text; 0 for nothing. */
function wordWorth(fields: Paper, typed: string, isLast: boolean, similar: SimilarWords[number]): number {
  const find = (fits: (word: string) => boolean): number => {
    for (const name of ['title', 'abstract', 'tags'] as const) {
      const value = fields[name] ?? '';
      const words = [...wordsOf(typeof value === 'string' ? value : value.join(' '))].map(({ word }) => word);
      if (words.some(fits)) return Math.round(WEIGHTS[name] * 1000 * (1 + 1 / (4 * words.length)));
    }
    return 0;
  };
  const stems = similar.map(stemOf);
  return (
    find((word) => stemOf(word) === stemOf(typed) || word === stemOf(typed)) ||
    Math.trunc(find((word) => (isLast && beginsWith(word, typed)) || stems.includes(stemOf(word))) / 2)
  );
}

/** The word or its stem. */
function beginsWith(word: string, typed: string): boolean {
  return word.startsWith(typed) || stemOf(word).startsWith(typed);
}

/** Each word once, by its stem, where it was typed last. */
function distinct(words: readonly string[]): readonly string[] {
  return words.filter((word, place) => !words.slice(place + 1).some((later) => stemOf(later) === stemOf(word)));
}
