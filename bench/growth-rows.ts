import type { Request } from 'autocannon';
import {
  artifactPath,
  BLOB_BYTES,
  blobCount,
  LARGE_PATH,
  largeVersions,
  packageCount,
  packagePath,
} from './growth-data.ts';
import type { Load } from './load.ts';
import { blobOf } from './seed.ts';
import type { Subject } from './subjects.ts';

/** A registry of so many versions that is running. */
export interface GrownSubject {
  readonly subject: Subject;
  readonly size: number;
}

/** One kind of request that is made of registries of all sizes. */
export interface GrowthRow {
  readonly name: string;
  readonly title: string;
  /** The load on one of them, the same object each time; may ask it beforehand for what the requests need. */
  load(grown: GrownSubject): Promise<Load>;
}

/** At every size a row asks for so many different things, so that caches hold as much of them in a small registry as in a large one. */
const THINGS = 200;
/** As many as the smallest registry has. */
const PACKAGES = 30;
const PAGE = 20;
const READERS = 8;
/** Of a list that is walked for its cursors, so many pages, unless they would be longer than a page may be. */
const WALKED_PAGES = 40;
const LONGEST_PAGE = 1000;

/** What is measured, in order; what writes comes last. */
export const GROWTH_ROWS: readonly GrowthRow[] = [
  reading('latest', 'GET .../latest', 200, (size) =>
    spread(PACKAGES, packageCount(size)).map((index) => `${packagePath(index)}/latest`),
  ),
  reading('latest-large', 'GET .../latest of a package with a fifth of all versions', 200, () => [
    `${LARGE_PATH}/latest`,
  ]),
  reading('metadata', 'GET metadata', 200, (size) => spread(THINGS, size).map((number) => artifactPath(number, size))),
  reading('blob', 'GET a blob of 1 KiB', BLOB_BYTES, (size) =>
    spread(THINGS, blobCount(size)).map((number) => `${artifactPath(number, size)}/blob`),
  ),
  reading('packages', '20 of all packages', 1000, () => [`/v1/packages?limit=${PAGE}`]),
  deep('packages-deep', '20 of all packages after a cursor in the middle', '/v1/packages', packageCount),
  reading('versions', '20 versions of the large package', 1000, () => [`${LARGE_PATH}/versions?limit=${PAGE}`]),
  deep(
    'versions-deep',
    '20 versions of the large package after a cursor in the middle',
    `${LARGE_PATH}/versions`,
    largeVersions,
  ),
  publishing(),
];

/** So many numbers below `count`, at equal distances. */
function spread(things: number, count: number): readonly number[] {
  return Array.from({ length: Math.min(things, count) }, (_, place) =>
    Math.floor((place * count) / Math.min(things, count)),
  );
}

const READ = { method: 'GET', connections: READERS, weight: 1, status: 200 } as const;

function reading(
  name: string,
  title: string,
  minBytes: number,
  pathsOf: (size: number) => readonly string[],
): GrowthRow {
  return {
    name,
    title,
    load: async ({ size }) => ({
      ...READ,
      minBytes,
      requests: () => pathsOf(size).map((path): Request => ({ method: 'GET', path })),
    }),
  };
}

/** Pages of a list of `countOf` entries, after cursors of its middle fifth. */
function deep(name: string, title: string, list: string, countOf: (size: number) => number): GrowthRow {
  return {
    name,
    title,
    async load({ subject, size }) {
      const count = countOf(size);
      const limit = Math.max(1, Math.min(LONGEST_PAGE, Math.floor(count / WALKED_PAGES)));
      const cursors: string[] = [];
      let cursor: string | null = null;
      for (let passed = limit; passed < count * 0.6; passed += limit) {
        const response: Response = await fetch(`${subject.url}${list}?limit=${limit}${after(cursor)}`);
        const page = (await response.json()) as { readonly next?: string | null };
        cursor = page.next ?? null;
        if (cursor === null)
          throw new Error(`${list} of ${size} versions ends after ${passed} of ${count}: ${response.status}`);
        if (passed > count * 0.4) cursors.push(cursor);
      }
      if (cursors.length === 0) throw new Error(`${list} of ${size} versions has no middle`);
      const paths = cursors.map((one) => `${list}?limit=${PAGE}${after(one)}`);
      return { ...READ, minBytes: 1000, requests: () => paths.map((path): Request => ({ method: 'GET', path })) };
    },
  };
}

function after(cursor: string | null): string {
  return cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
}

/** New versions of the small packages, one after the other. */
function publishing(): GrowthRow {
  return {
    name: 'publish',
    title: 'publish 1 KiB',
    async load({ subject, size }) {
      let count = 0;
      const setupRequest = (request: Request): Request => {
        const path = `${packagePath(count % packageCount(size))}/2.${++count}.0/any/blob`;
        const headers = { authorization: subject.authorization ?? '', 'content-type': 'application/octet-stream' };
        return { ...request, method: 'PUT', path, headers, body: blobOf(`${size}${path}`, BLOB_BYTES) };
      };
      const request: Request = { method: 'PUT', setupRequest };
      return { method: 'PUT', connections: 1, weight: 30, status: 201, minBytes: 60, requests: () => [request] };
    },
  };
}
