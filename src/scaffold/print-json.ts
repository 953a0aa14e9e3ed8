const WIDTH = 120;
const STEP = '  ';

/**
 * JSON as people lay it out: what fits a line stands on one. `indent` is that of the line on which it begins, `column` where on it. Ends
 * without a newline.
 */
export function printJson(value: unknown, indent = '', column = indent.length): string {
  const line = onOneLine(value);
  if (typeof value !== 'object' || value === null || column + line.length < WIDTH) return line;
  const deeper = indent + STEP;
  const print = (begin: string, member: unknown) => begin + printJson(member, deeper, begin.length);
  return Array.isArray(value)
    ? `[\n${value.map((member) => print(deeper, member)).join(',\n')}\n${indent}]`
    : `{\n${Object.entries(value)
        .map(([key, member]) => print(`${deeper}${JSON.stringify(key)}: `, member))
        .join(',\n')}\n${indent}}`;
}

function onOneLine(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(', ')}]`;
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${onOneLine(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}
