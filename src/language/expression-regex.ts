import { RE2JS } from 're2js';
import { checkTime } from './expression-limits.ts';
import { parseRegex } from './regex-parse.ts';
import { printRegex } from './regex-print.ts';

/**
 * What the expression engine uses in place of `RegExp` for the literals in an expression: the same answers in linear time.
 * It sets `lastIndex`, calls `exec`, and reads the match, its groups and its place.
 */
export class ExpressionRegex {
  lastIndex = 0;
  readonly #regex: RE2JS;

  constructor(literal: RegExp) {
    const flags = (literal.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (literal.multiline ? RE2JS.MULTILINE : 0);
    this.#regex = RE2JS.compile(printRegex(parseRegex(literal.source), 're2'), flags);
  }

  exec(text: string): ((string | undefined)[] & { index: number }) | null {
    checkTime();
    const matcher = this.#regex.matcher(text);
    if (this.lastIndex > text.length || !matcher.find(this.lastIndex)) {
      this.lastIndex = 0;
      return null;
    }
    const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, index) => matcher.group(index) ?? undefined);
    this.lastIndex = matcher.end();
    return Object.assign(groups, { index: matcher.start() });
  }
}
