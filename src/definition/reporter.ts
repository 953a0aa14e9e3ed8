import { FINDING_CODES, type FindingCode } from './finding-codes.ts';
import type { Finding, Place } from './findings.ts';
import type { Places, Spot } from './places.ts';

export interface ReportOptions {
  /** What to do about it. */
  readonly fix?: string | null;
  /** Point at the member's key rather than at its value. */
  readonly at?: 'key' | 'value';
  /** A milder (or harsher) severity than the code's usual one. */
  readonly severity?: 'error' | 'warning';
}

/** Collects findings. */
export interface Reporter {
  report(code: FindingCode, spot: Spot, message: string, options?: ReportOptions): void;
  /** Whether something with this code was reported at the value's place. */
  has(code: FindingCode, spot: Spot): boolean;
  /** For trouble with a file as a whole. */
  reportPlace(code: FindingCode, place: Place, message: string, options?: ReportOptions): void;
  /** Sorted by file, line, column and code; the same thing is said once. */
  findings(): readonly Finding[];
}

export function createReporter(places: Places): Reporter {
  const found = new Map<string, Finding>();

  function reportPlace(code: FindingCode, place: Place, message: string, options: ReportOptions = {}): void {
    const severity = options.severity ?? FINDING_CODES[code].severity;
    const key = `${place.file}\0${place.line}\0${place.column}\0${place.pointer}\0${code}\0${message}`;
    if (!found.has(key)) found.set(key, { ...place, severity, code, message, fix: options.fix ?? null });
  }

  return {
    report: (code, spot, message, options = {}) =>
      reportPlace(code, places.place(spot, options.at ?? 'value'), message, options),
    has(code, spot) {
      const { file, pointer } = places.place(spot, 'value');
      return [...found.values()].some(
        (finding) => finding.code === code && finding.file === file && finding.pointer === pointer,
      );
    },
    reportPlace,
    findings: () => [...found.values()].sort(compareFindings),
  };
}

function compareFindings(a: Finding, b: Finding): number {
  return (
    compareText(a.file, b.file) ||
    a.line - b.line ||
    a.column - b.column ||
    compareText(a.code, b.code) ||
    compareText(a.message, b.message)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
