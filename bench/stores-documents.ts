import { createHash } from 'node:crypto';
import type { LoadedRecord } from '../src/ports/record-dump.ts';
import type { CollectionSpec, IndexRows, Position, RecordPut } from '../src/ports/record-store.ts';
import { versionSortKey } from '../src/shared/versions.ts';

/*
 * What the stores hold: versions of packages, as a registry has them. Document n is the same in every run and in a store of any size, so
 * that nothing has to be remembered to ask for what is there. Shares stay the same while stores grow: one namespace has a twentieth of all
 * documents, however many there are.
 */

export const COLLECTION = 'versions';
export const INDEX = 'versions.all';
export const NAMESPACES = 20;
/** Versions of one package: more than a page. */
export const VERSIONS_EACH = 25;
const FIRST_MS = Date.UTC(2020, 0, 1);
/** Documents were made in these years, in no order that their keys have. */
export const SPAN_MS = 5 * 365 * 86_400_000;
const TAGS_EACH = 3;
const WORDS_EACH = 12;

export const SPEC: CollectionSpec = {
  name: COLLECTION,
  indexes: [
    {
      name: INDEX,
      columns: ['namespace', 'name', 'version', 'created'],
      arrays: ['tags'],
      text: [
        { column: 'name', weight: 3 },
        { column: 'description', weight: 2 },
        { column: 'namespace', weight: 1 },
      ],
      keys: [
        {
          name: 'by_package',
          fields: ['namespace', 'name'],
          sort: [{ column: 'version', descending: true }],
          unique: false,
        },
        { name: 'by_namespace', fields: ['namespace'], sort: [{ column: 'created', descending: true }], unique: false },
        { name: 'newest', fields: [], sort: [{ column: 'created', descending: true }], unique: false },
        { name: 'by_tag', fields: ['tags'], sort: [{ column: 'created', descending: true }], unique: false },
      ],
      revision: '1',
    },
  ],
};

interface StoredDocument {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly tags: readonly string[];
  readonly description: string;
  readonly created: number;
}

/** A word or a tag is as common as its rank says: the one of rank n a tenth as common as that of rank n / 10. */
export const word = (rank: number): string => WORDS[rank - 1] ?? '';
export const tag = (rank: number): string => `tag-${rank}`;
export const namespace = (number: number): string => `team-${number % NAMESPACES}`;

const SYLLABLES = 'ba ko ri mu ta lo ni vu sa po di gu ra mo fi ku za to li nu'.split(' ');
/** 8000 words of three syllables, none of which begins another. */
const WORDS = Array.from({ length: SYLLABLES.length ** 3 }, (_, place) => {
  // A step that has no divisor in common with their number goes through all.
  const number = (place * 2741) % SYLLABLES.length ** 3;
  return [number % 20, Math.floor(number / 20) % 20, Math.floor(number / 400)].map((at) => SYLLABLES[at]).join('');
});
const COMMON_WORDS = byRank(WORDS.length);
const COMMON_TAGS = byRank(60);

/** A long list of ranks in which each stands as often as it is common (Zipf's law). */
function byRank(ranks: number): Uint16Array {
  const weights = Array.from({ length: ranks }, (_, place) => 1 / (place + 1));
  const sum = weights.reduce((a, b) => a + b, 0);
  const drawn = new Uint16Array(65_536);
  let at = 0;
  let reached = 0;
  for (const [place, weight] of weights.entries()) {
    reached += (weight / sum) * drawn.length;
    while (at < reached && at < drawn.length) drawn[at++] = place + 1;
  }
  return drawn;
}

/** A number of 32 bits that looks random and is the same for the same arguments. */
export function scatter(number: number, salt: number): number {
  let bits = Math.imul(number ^ Math.imul(salt + 1, 0x9e3779b1), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  bits = Math.imul(bits ^ (bits >>> 16), 0x27d4eb2f);
  return (bits ^ (bits >>> 15)) >>> 0;
}

function drawFrom(ranks: Uint16Array, number: number, salt: number): number {
  return ranks[scatter(number, salt) & 0xffff] ?? 1;
}

function nameOf(number: number): { readonly namespace: string; readonly name: string; readonly version: string } {
  const pack = Math.floor(number / VERSIONS_EACH);
  const place = number % VERSIONS_EACH;
  return {
    namespace: namespace(pack),
    name: `${word(1 + (scatter(pack, 1) % WORDS.length))}-${word(1 + (scatter(pack, 2) % WORDS.length))}-${pack}`,
    version: `${1 + Math.floor(place / 10)}.${place % 10}.${scatter(number, 3) % 20}`,
  };
}

/** When document `number` was made, in milliseconds; no two are of one time. */
function createdOf(number: number): number {
  return FIRST_MS + (scatter(number, 4) / 2 ** 32) * SPAN_MS;
}

function documentOf(number: number): StoredDocument & { readonly digest: string; readonly size: number } {
  const tags = Array.from({ length: TAGS_EACH }, (_, place) => tag(drawFrom(COMMON_TAGS, number, 10 + place)));
  const words = Array.from({ length: WORDS_EACH }, (_, place) => word(drawFrom(COMMON_WORDS, number, 20 + place)));
  return {
    ...nameOf(number),
    tags: [...new Set(tags)],
    description: words.join(' '),
    created: createdOf(number),
    digest: `sha256:${createHash('sha256').update(String(number)).digest('hex')}`,
    size: scatter(number, 5) % 10_000_000,
  };
}

/** Key of document `number`. */
export function keyOf(number: number): string {
  const { namespace, name, version } = nameOf(number);
  return `version/${namespace}/${name}/${version}`;
}

/** The package of document `number`. */
export function packageOf(number: number): { readonly namespace: string; readonly name: string } {
  const { namespace, name } = nameOf(number);
  return { namespace, name };
}

/** Where document `number` stands in the order of `created`. */
export function positionOf(number: number): Position {
  return { values: [createdOf(number)], key: keyOf(number) };
}

/** Whether document `number` stands in the middle fifth of that order. */
export function isInTheMiddle(number: number): boolean {
  const share = scatter(number, 4) / 2 ** 32;
  return share > 0.4 && share < 0.6;
}

function rowsOf({ namespace, name, version, tags, description, created }: StoredDocument): IndexRows {
  return {
    [INDEX]: { namespace, name, version: versionSortKey('semver', version), tags, description, created },
  };
}

/** Index rows of a stored document. */
export function projectDocument(_collection: string, _key: string, value: string): IndexRows {
  const document: StoredDocument = JSON.parse(value);
  return rowsOf(document);
}

/** Document `number` as a load writes it. */
export function loadedDocument(number: number): LoadedRecord {
  return {
    collection: COLLECTION,
    key: keyOf(number),
    value: JSON.stringify(documentOf(number)),
    version: 1,
    expiresAt: null,
  };
}

/** Document `number` as a commit writes it. */
export function putOf(number: number): RecordPut {
  const document = documentOf(number);
  return {
    collection: COLLECTION,
    key: keyOf(number),
    value: JSON.stringify(document),
    expiresAt: null,
    rows: rowsOf(document),
  };
}
