import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

/** An entry of a tarball: a file with its content, or something else than a file. */
export type Entry =
  | readonly [name: string, content: string]
  | { readonly name: string; readonly type: 'symlink' | 'link'; readonly linkname: string };

/** A gzipped tar archive. */
export async function tarballOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const entry of entries) {
    if ('type' in entry) tar.entry(entry);
    else tar.entry({ name: entry[0] }, entry[1]);
  }
  tar.finalize();
  return gzipSync(await buffer(tar));
}

export interface Publication {
  readonly name: string;
  readonly version: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Members of the manifest besides name and version. */
  readonly manifest?: object;
  /** Instead of one that holds the manifest as its package.json. */
  readonly tarball?: Buffer;
  /** Members of `dist`, over those that fit. */
  readonly dist?: object;
  /** Members of the attachment, over those that fit. */
  readonly attachment?: object;
  readonly file?: string;
}

/** What a client sends to publish a version. */
export async function publication(given: Publication): Promise<object> {
  const { name, version } = given;
  const manifest = { name, version, ...given.manifest };
  const bytes = given.tarball ?? (await tarballOf([['package/package.json', JSON.stringify(manifest)]]));
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  const shasum = createHash('sha1').update(bytes).digest('hex');
  return {
    _id: name,
    name,
    'dist-tags': given.tags ?? { latest: version },
    versions: {
      [version]: {
        ...manifest,
        _id: `${name}@${version}`,
        dist: { integrity, shasum, tarball: 'http://elsewhere.test/x.tgz', ...given.dist },
      },
    },
    access: null,
    _attachments: {
      [given.file ?? `${name}-${version}.tgz`]: {
        content_type: 'application/octet-stream',
        data: bytes.toString('base64'),
        length: bytes.length,
        ...given.attachment,
      },
    },
  };
}
