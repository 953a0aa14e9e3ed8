import type { Definition } from '../definition/types.ts';
import { RegistryError } from '../errors/registry-error.ts';
import type { EncodeText, Use } from '../language/template.ts';

/** A value inside a URL path: one segment, percent-encoded; a value that may hold several segments keeps its slashes. */
export function encodePath(isMulti: (use: Use) => boolean): EncodeText {
  return (value, use) => {
    // A lone surrogate cannot be written in UTF-8.
    if (!value.isWellFormed())
      throw new RegistryError('VALUE_INVALID', { message: `${use.path} is not well-formed text` });
    const encode = (segment: string) =>
      segment === '.' || segment === '..' ? segment.replaceAll('.', '%2E') : encodeURIComponent(segment);
    return isMulti(use) ? value.split('/').map(encode).join('/') : encode(value);
  };
}

/** A value inside a header: what would end the header or the message is refused. */
export const encodeHeader: EncodeText = (value, use) => {
  if (/[\r\n\0]/.test(value)) {
    throw new RegistryError('VALUE_INVALID', { message: `${use.path} cannot stand in a header` });
  }
  return value;
};

/** Looked through once for each definition, not once for each text. */
const multiParams = new WeakMap<Definition, ReadonlySet<string>>();

/** Whether what is used is a path parameter that may hold several segments, on any route: its slashes are separators. */
export function isMultiParam(definition: Definition): (use: Use) => boolean {
  let multi = multiParams.get(definition);
  if (multi === undefined) {
    const paths = definition.routes.flatMap((route) => route.paths);
    multi = new Set(paths.flatMap((path) => [...path.matchAll(/\{(\w+)\+/g)].map(([, name = '']) => name)));
    multiParams.set(definition, multi);
  }
  const names = multi;
  return (use) => use.whole && names.has(use.name);
}
