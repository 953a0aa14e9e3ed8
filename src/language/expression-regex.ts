import { RE2JS } from 're2js';
import { checkTime } from './expression-limits.ts';

/**
 * What the expression engine uses in place of `RegExp` for the literals in an expression: RE2, which takes linear time. Numbered
 * groups and the flags `i` and `m` work. The engine sets `lastIndex`, calls `exec`, and reads the match, its groups and its place.
 */
export class ExpressionRegex {
  lastIndex = 0;
  readonly #regex: RE2JS;

  constructor(literal: RegExp) {
    const flags = (literal.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (literal.multiline ? RE2JS.MULTILINE : 0);
    this.#regex = RE2JS.compile(RE2JS.translateRegExp(literal.source), flags);
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
