/** One reading of a variable or root. */
export interface Use {
  /** First name of the path: `meta`, `request`, `principal`, ... */
  readonly name: string;
  /** As written: `meta.blob_digest`. */
  readonly path: string;
  /**
   * `text`: inside a text, where null fails with VALUE_MISSING unless `optional`. `condition`: an operand on its own.
   * `value` and `expression`: null is a value like others.
   */
  readonly place: 'value' | 'text' | 'condition' | 'expression';
  /** Written `{x?}`. */
  readonly optional: boolean;
  /** The path is the name alone. */
  readonly whole: boolean;
  /** Where in the JSON it stands. */
  readonly pointer: string;
}
