import type { Place } from './findings.ts';

/** A file of the definition, able to turn offsets into lines and columns. */
export interface SourceFile {
  /** Relative to the registry's folder, with `/`. */
  readonly name: string;
  /** The place at an offset; lines and columns count from 1, columns in UTF-16 units. */
  at(offset: number, pointer: string): Place;
}

export function createSourceFile(name: string, text: string): SourceFile {
  let starts: readonly number[] | null = null;
  return {
    name,
    at(offset, pointer) {
      starts ??= lineStarts(text);
      let low = 0;
      let high = starts.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if ((starts[middle] ?? 0) <= offset) low = middle;
        else high = middle - 1;
      }
      return { file: name, line: low + 1, column: offset - (starts[low] ?? 0) + 1, pointer };
    },
  };
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  return starts;
}
