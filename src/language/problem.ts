/** Something wrong in a piece of the language, found when it is parsed. The checker turns it into a finding with a place. */
export interface Problem {
  readonly code:
    | 'TEMPLATE_INVALID'
    | 'EXPRESSION_INVALID'
    | 'REGEX_INVALID'
    | 'CONDITION_INVALID'
    | 'KEY_INVALID'
    | 'PATH_INVALID'
    | 'SCHEMA_INVALID';
  /** A sentence. */
  readonly message: string;
  /** JSON pointer inside the parsed value; empty: the value itself. */
  readonly pointer: string;
  /** How to mend it. */
  readonly fix?: string;
}

/** A JSON pointer one member further down (RFC 6901). */
export function pointerTo(pointer: string, member: string | number): string {
  return `${pointer}/${String(member).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
