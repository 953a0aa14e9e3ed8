import type { CharClass, RegexNode } from './regex-syntax.ts';

/** Prints a pattern for one of the two engines; nothing in it is left to an engine's own reading but Unicode properties. */
export function printRegex(node: RegexNode, engine: 'native' | 're2'): string {
  const print = (part: RegexNode): string => {
    switch (part.kind) {
      case 'chars':
        return printChars(part.chars, engine);
      case 'sequence':
        return part.items.length === 0 ? '(?:)' : part.items.map(printItem).join('');
      case 'choice':
        return part.branches.map(print).join('|');
      case 'repeat':
        return `(?:${print(part.body)})${printCounts(part.min, part.max)}${part.lazy ? '?' : ''}`;
      case 'group':
        return `(?<${part.name}>${print(part.body)})`;
      case 'start':
        return engine === 'native' ? '^' : '\\A';
      case 'end':
        return engine === 'native' ? '$' : '\\z';
      case 'boundary':
        return part.negated ? '\\B' : '\\b';
    }
  };
  const printItem = (part: RegexNode) => (part.kind === 'choice' ? `(?:${print(part)})` : print(part));
  return print(node);
}

function printChars(chars: CharClass, engine: 'native' | 're2'): string {
  const code = (value: number) => `${engine === 'native' ? '\\u' : '\\x'}{${value.toString(16)}}`;
  const ranges = chars.ranges.map(([first, last]) => (first === last ? code(first) : `${code(first)}-${code(last)}`));
  const properties = chars.properties.map(
    ({ name, negated }) => `\\${negated ? 'P' : 'p'}{${engine === 'native' ? name : name.replace(/^.*=/, '')}}`,
  );
  const inside = ranges.concat(properties).join('');
  // An empty class is bad syntax for re2; its opposite is not.
  if (inside === '') return `[${chars.negated ? '' : '^'}${code(0)}-${code(0x10ffff)}]`;
  return `[${chars.negated ? '^' : ''}${inside}]`;
}

function printCounts(min: number, max: number): string {
  if (max === Infinity) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  return min === max ? `{${min}}` : `{${min},${max}}`;
}
