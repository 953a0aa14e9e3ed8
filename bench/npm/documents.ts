import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** Of a version's one source file, which begins with bytes of its own; a tarball has some more. */
export const SOURCE_BYTES = 8192;

const BLOCK = 512;
const MODE = '0000644';

/** The body with which a version is published, about 20 KB: a manifest of 2 KB, as usual packages have them, and a tarball that agrees with it. */
export function publishDocument(name: string, version: string): string {
  const manifest = manifestOf(name, version);
  const tarball = tarballOf(manifest);
  const file = `${name}-${version}.tgz`;
  const dist = {
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    shasum: createHash('sha1').update(tarball).digest('hex'),
    tarball: `http://127.0.0.1/${name}/-/${file}`,
  };
  return JSON.stringify({
    _id: name,
    name,
    description: manifest.description,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, _nodeVersion: '24.0.0', dist } },
    access: null,
    _attachments: {
      [file]: { content_type: 'application/octet-stream', data: tarball.toString('base64'), length: tarball.length },
    },
  });
}

function manifestOf(name: string, version: string) {
  const dependencies = Object.fromEntries(NUMBERS.map((number) => [`dependency-of-it-${number}`, `^${number}.2.0`]));
  const devDependencies = Object.fromEntries(NUMBERS.map((number) => [`tool-for-it-${number}`, `~${number}.14.3`]));
  const scripts = Object.fromEntries(
    NUMBERS.slice(0, 8).map((number) => [`step-${number}`, `node scripts/step-${number}.js --quiet`]),
  );
  return {
    name,
    version,
    description: 'A package as large as usual ones, published by a bench',
    license: 'MIT',
    main: 'index.js',
    bin: { [name]: 'index.js' },
    keywords: ['bench', 'package', 'usual', 'size'],
    author: { name: 'Somebody', email: 'somebody@example.org' },
    repository: { type: 'git', url: `git+https://git.example.org/bench/${name}.git` },
    engines: { node: '>=20' },
    scripts,
    dependencies,
    devDependencies,
  };
}

const NUMBERS = Array.from({ length: 18 }, (_, index) => index + 1);

/** Stored, not compressed: making it must not take longer than publishing it. */
function tarballOf(manifest: { readonly name: string; readonly version: string }): Buffer {
  const own = createHash('sha512').update(`${manifest.name}@${manifest.version}`).digest();
  const parts = [
    tarEntry('package/package.json', Buffer.from(JSON.stringify(manifest))),
    tarEntry('package/index.js', Buffer.concat([own, NOISE.subarray(own.length)])),
    Buffer.alloc(2 * BLOCK),
  ];
  return gzipSync(Buffer.concat(parts), { level: 0 });
}

const NOISE = randomBytes(SOURCE_BYTES);

/** A plain file in the ustar format: the generator makes thousands a second, one at a time. */
function tarEntry(path: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(path, 0);
  header.write(`${MODE}\0${octal(0, 7)}${octal(0, 7)}${octal(content.length, 11)}${octal(0, 11)}`, 100);
  header.write(' '.repeat(8), 148);
  header.write('0ustar\x0000', 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}
