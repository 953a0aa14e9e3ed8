import { fail } from '../errors/registry-error.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { Frame, Prelude, Scope } from './frame.ts';
import { compileRead, printText } from './read.ts';
import type { TextNode } from './template.ts';
import type { EncodeText } from './template-compile.ts';
import { sliceText } from './text.ts';

/**
 * Compiles a text with substitutions. A value that is not there fails with VALUE_MISSING (`details.path` names it), unless it is
 * written `{x?}`: then it is empty. Slices are taken before encoding.
 */
export function compileJoin(text: TextNode, scope: Scope, encode: EncodeText | null): (frame: Frame) => string {
  const [head = '', ...tails] = text.literals;
  const parts = text.parts.map((part) => compilePart(part, scope, encode));
  const [first, second] = parts;
  const [middle = '', tail = ''] = tails;
  if (parts.length === 1 && first !== undefined) return (frame) => head + first(frame) + middle;
  if (parts.length === 2 && first !== undefined && second !== undefined) {
    return (frame) => head + first(frame) + middle + second(frame) + tail;
  }
  return (frame) => {
    let out = head;
    for (let index = 0; index < parts.length; index++) out += (parts[index]?.(frame) ?? '') + tails[index];
    return out;
  };
}

function compilePart(
  { path, slice, use }: TextNode['parts'][number],
  scope: Scope,
  encode: EncodeText | null,
): (frame: Frame) => string {
  const read = compileRead(path, scope);
  const print = (frame: Frame): string => {
    const text = printText(read(frame), use.path);
    if (text !== null) return text;
    return use.optional ? '' : fail('VALUE_MISSING', `"${use.path}" is missing`, { path: use.path });
  };
  const cut = slice === null ? print : (frame: Frame) => sliceText(print(frame), slice);
  return encode === null ? cut : (frame) => encode(cut(frame), use);
}

/** One prelude that runs several in the order written; null for none. */
export function joinPreludes(preludes: readonly Prelude[]): Prelude | null {
  const [first, ...rest] = preludes;
  if (first === undefined) return null;
  if (rest.length === 0) return first;
  return (frame) => runPreludes(preludes, frame);
}

/** Runs them one after the other; makes no promise as long as none of them does. */
export function runPreludes(preludes: readonly Prelude[], frame: Frame, start = 0): MaybePromise<void> {
  for (let index = start; index < preludes.length; index++) {
    const pending = preludes[index]?.(frame);
    if (pending instanceof Promise) return pending.then(() => runPreludes(preludes, frame, index + 1));
  }
}
