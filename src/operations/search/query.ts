import type { FoundPage, IndexPlan, OperationHandler } from '../../engine/contract.ts';
import { asObject, compileLimit, goOn } from '../arguments.ts';
import { whereFilters } from '../index/filters.ts';

/** See `operations/search/query.json`. */
export const searchQuery: OperationHandler = {
  op: 'search.query',
  compile(step) {
    const index = step.index('index');
    const { ordering } = step.definition.versioning;
    const text = step.text('text');
    const conditions = step.value('where');
    const limit = compileLimit(step);
    const cursor = step.text('cursor');
    const facets = step.has('out_facets') ? facetsOf(index, step.literal('facets')) : [];
    const total = step.boolean('total', true);
    const countsAll = step.has('out_total');
    const asRegistry = step.literal('as') === 'registry';
    const highlight = step.has('out_hits') ? marksOf(step.literal('highlight')) : null;
    const bind = step.bind('out');
    const bindHits = step.has('out_hits') ? step.bind('out_hits') : null;
    const bindNext = step.bind('out_next');
    const bindTotal = step.bind('out_total');
    const bindFacets = step.bind('out_facets');
    const bindSimilar = step.bind('out_similar');
    return async (run) => {
      const asked = asObject(conditions(run), 'where');
      const query = {
        text: text(run) ?? '',
        where: asked === null ? [] : whereFilters(index, ordering, asked),
        limit: limit(run),
        cursor: cursor(run),
        wantsTotal: countsAll && total(run),
        facets,
        highlight,
      };
      const page = await run.session.records.search(index, query, asRegistry);
      bind(run, page.records);
      bindHits?.(run, hitsOf(page));
      bindNext(run, page.next);
      bindTotal(run, page.total);
      bindFacets(run, page.facets);
      bindSimilar(run, page.similar);
      return goOn();
    };
  },
};

function hitsOf({ records, scores, highlights }: FoundPage): readonly unknown[] {
  return records.map((document, place) => ({
    document,
    score: scores[place],
    highlights: highlights[place] ?? null,
  }));
}

/** The checker saw to it that these are fields of the index. */
function facetsOf({ spec }: IndexPlan, written: unknown): readonly string[] {
  const known = [...spec.columns, ...spec.arrays];
  return Array.isArray(written) ? written.map(String).filter((field) => known.includes(field)) : [];
}

function marksOf(written: unknown): { readonly before: string; readonly after: string } | null {
  const marks = asObject(written, 'highlight');
  return marks === null ? null : { before: String(marks.before), after: String(marks.after) };
}
