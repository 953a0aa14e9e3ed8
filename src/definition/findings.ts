/** Where something stands in a definition's files. Lines and columns count from 1. */
export interface Place {
  /** Relative to the registry's folder. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** JSON pointer inside the file. */
  readonly pointer: string;
}

/**
 * Trouble found at load time. Findings are collected, never thrown one by one. An `error` keeps the definition from being served;
 * a `warning` does not.
 */
export interface Finding extends Place {
  readonly severity: 'error' | 'warning';
  /** Stable, documented in `docs/findings.md`. */
  readonly code: string;
  readonly message: string;
  /** What to do about it, or null. */
  readonly fix: string | null;
}
