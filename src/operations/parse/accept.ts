import type { OperationHandler } from '../../engine/contract.ts';

/** Fields whose best offers are remembered, so many of so many characters: clients of a kind all send the same one. */
const MAX_KNOWN = 256;
const MAX_KNOWN_LENGTH = 256;

/** See `operations/parse/accept.json`. */
export const parseAccept: OperationHandler = {
  op: 'parse.accept',
  compile(step) {
    const written = step.literal('offers');
    const offers = (Array.isArray(written) ? written : []).map((offer) => String(offer));
    const bind = step.bind('out');
    const known = new Map<string, string | null>();
    const best = (accept: string): string | null => {
      let found = known.get(accept);
      if (found !== undefined) return found;
      found = accept.trim() === '' ? (offers[0] ?? null) : bestOf(offers, accept);
      if (known.size === MAX_KNOWN) known.clear();
      if (accept.length <= MAX_KNOWN_LENGTH) known.set(accept, found);
      return found;
    };
    return (run) => {
      bind(run, best(run.request.headers.accept ?? ''));
    };
  },
};

interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
}

/** RFC 9110, section 12.5.1: the most precise range that fits an offer says how welcome it is; of equals the first offer. */
function bestOf(offers: readonly string[], field: string): string | null {
  const ranges = rangesOf(field);
  let best: string | null = null;
  let bestQuality = 0;
  for (const offer of offers) {
    const quality = qualityOf(offer.toLowerCase(), ranges);
    if (quality <= bestQuality) continue;
    best = offer;
    bestQuality = quality;
  }
  return best;
}

function qualityOf(offer: string, ranges: readonly MediaRange[]): number {
  const [type, subtype] = offer.split('/', 2);
  let quality = 0;
  let precision = -1;
  for (const range of ranges) {
    const fits = range.type === type ? (range.subtype === subtype ? 2 : range.subtype === '*' ? 1 : -1) : -1;
    const reached = range.type === '*' && range.subtype === '*' ? 0 : fits;
    if (reached <= precision) continue;
    precision = reached;
    quality = range.quality;
  }
  return quality;
}

/** Parameters other than q are not told apart; what is no range is left out. */
function rangesOf(field: string): readonly MediaRange[] {
  return field.split(',').flatMap((part) => {
    const [range = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const [type, subtype, ...rest] = range.split('/');
    if (type === undefined || type === '' || subtype === undefined || subtype === '' || rest.length > 0) return [];
    const written = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const quality = written === undefined ? 1 : Number(written);
    return [{ type, subtype, quality: quality >= 0 && quality <= 1 ? quality : 0 }];
  });
}
