import { fail, RegistryError } from '../../errors/registry-error.ts';

/** Reads an upstream's address. Fails with DEFINITION_INVALID when it is not plain http or https. */
export function readBaseUrl(name: string, text: string): URL {
  const url = URL.parse(text);
  const isPlain = url !== null && isHttp(url) && url.username === '' && url.password === '';
  if (!isPlain || url.search !== '' || url.hash !== '') {
    fail(
      'DEFINITION_INVALID',
      `The upstream "${name}" needs an http or https address without credentials, query or fragment`,
    );
  }
  return url;
}

/** Puts a path with its query below the base. Fails with BAD_PATH when it would lead elsewhere. */
export function joinUrl(base: URL, path: string): URL {
  const prefix = base.pathname.replace(/\/+$/, '');
  // A parser would drop or turn these: what is requested would not be what was checked.
  const url = /[\s\\#\p{Cc}]/u.test(path) ? null : URL.parse(`${base.origin}${prefix}/${path.replace(/^\//, '')}`);
  if (url === null || url.origin !== base.origin || !url.pathname.startsWith(`${prefix}/`)) {
    return fail('BAD_PATH', 'The path does not lie below the upstream');
  }
  return url;
}

/** Reads an absolute address that an upstream gave, without credentials and fragment. Fails with UPSTREAM_INVALID. */
export function absoluteUrl(text: string): URL {
  const url = /[\s\\\p{Cc}]/u.test(text) ? null : URL.parse(text);
  if (url === null || !isHttp(url)) {
    throw new RegistryError('UPSTREAM_INVALID', { message: 'What the upstream gives is no http or https address' });
  }
  return bare(url);
}

/** Where a redirect leads, or null when the answer is none. Fails with UPSTREAM_INVALID. */
export function redirectTarget(from: URL, status: number, location: string | undefined): URL | null {
  if (location === undefined || !REDIRECTS.includes(status)) return null;
  const url = URL.parse(location, from.href);
  if (url === null || !isHttp(url)) {
    throw new RegistryError('UPSTREAM_INVALID', { message: 'The upstream redirects to what is not an address' });
  }
  return bare(url);
}

function bare(url: URL): URL {
  url.username = '';
  url.password = '';
  url.hash = '';
  return url;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

export function isHttp(url: URL): boolean {
  return url.protocol === 'http:' || url.protocol === 'https:';
}
