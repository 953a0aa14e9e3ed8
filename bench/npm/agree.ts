import { createHash } from 'node:crypto';
import { get } from 'node:http';
import type { Subject } from '../subjects.ts';
import { ABBREVIATED, FULL } from './rows.ts';

/** What clients take from the manifest of a version, in both forms of a packument. */
const SHARED = ['name', 'version', 'dependencies', 'devDependencies', 'bin', 'engines', 'deprecated'] as const;
/** What only the full one has. */
const MORE = ['description', 'license', 'keywords', 'scripts', 'repository', 'author', 'main'] as const;

interface Packument {
  readonly name: string;
  readonly 'dist-tags': object;
  readonly versions: Readonly<Record<string, Manifest>>;
}

type Manifest = Readonly<Record<string, unknown>> & {
  readonly dist: { readonly integrity: string; readonly shasum: string; readonly tarball: string };
};

/**
 * Asks both servers for a package in all the ways that are measured, and throws where they do not say the same of it: servers that do not
 * do the same cannot be compared.
 */
export async function requireSamePackage(pair: readonly [Subject, Subject], name: string): Promise<void> {
  const [first, second] = await Promise.all(pair.map((subject) => packageOf(subject, name)));
  if (first === second) return;
  throw new Error(`${pair[0].name} and ${pair[1].name} do not say the same of ${name}:\n${first}\n${second}`);
}

/** All that counts of a package, as text. Throws where a server contradicts itself. */
async function packageOf(subject: Subject, name: string): Promise<string> {
  const full = await packument(subject, name, { accept: FULL, 'accept-encoding': 'identity' });
  const packed = await packument(subject, name, { accept: FULL, 'accept-encoding': 'gzip' });
  if (packed.coding !== 'gzip') throw new Error(`${subject.name} sends ${name} as it is where gzip is accepted`);
  if (JSON.stringify(full.document) !== JSON.stringify(packed.document))
    throw new Error(`${subject.name} says another thing of ${name} in gzip`);
  const status = await statusOf(subject.url + name, { accept: FULL, 'if-none-match': full.etag });
  if (status !== 304) throw new Error(`${subject.name} answered ${status} to the tag of ${name}`);
  const { document: short } = await packument(subject, name, { accept: ABBREVIATED, 'accept-encoding': 'identity' });
  const versions = Object.values(full.document.versions);
  const tarballs = [versions[0], versions.at(-1)].map((version) => digestOf(subject, name, version));
  return JSON.stringify({
    full: told(full.document, [...SHARED, ...MORE]),
    short: told(short, SHARED),
    tarballs: await Promise.all(tarballs),
  });
}

async function packument(subject: Subject, name: string, headers: Record<string, string>) {
  const response = await fetch(subject.url + name, { headers });
  if (response.status !== 200) throw new Error(`${subject.name} answered ${response.status} for ${name}`);
  const document = (await response.json()) as Packument;
  return { document, etag: response.headers.get('etag') ?? '', coding: response.headers.get('content-encoding') };
}

/** Not by `fetch`, which adds `Cache-Control: no-cache` to conditions, and then they do not count. */
function statusOf(url: string, headers: Record<string, string>): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const asked = get(url, { headers }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  asked.on('error', reject);
  return promise;
}

function told(document: Packument, members: readonly string[]): unknown {
  const versions = Object.values(document.versions).map((manifest) => [
    ...members.map((member) => manifest[member] ?? null),
    manifest.dist.integrity,
    manifest.dist.shasum,
  ]);
  return [document.name, document['dist-tags'], versions];
}

/** Of the tarball of a version, which must be the one that the version promises. */
async function digestOf(subject: Subject, name: string, manifest: Manifest | undefined): Promise<string> {
  const { tarball = '', integrity = '' } = manifest?.dist ?? {};
  const path = new URL(tarball).pathname;
  const bytes = await (await fetch(new URL(path, subject.url))).bytes();
  const digest = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  if (digest !== integrity) throw new Error(`${subject.name} sends another tarball of ${name} than it promises`);
  return digest;
}
