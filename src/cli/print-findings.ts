import type { Finding } from '../definition/findings.ts';
import { formatFinding } from '../definition/format-findings.ts';

const COLOURS = { error: '\u001b[31m', warning: '\u001b[33m' } as const;
const PLAIN = '\u001b[39m';

/** Writes each finding, one blank line, and how many there are. */
export function printFindings(findings: readonly Finding[], colours: boolean, print: (line: string) => void): void {
  for (const finding of findings) {
    const text = formatFinding(finding);
    const { severity } = finding;
    print(colours ? text.replace(`  ${severity}  `, `  ${COLOURS[severity]}${severity}${PLAIN}  `) : text);
  }
  if (findings.length > 0) print('');
  print(summaryOf(findings));
}

/** Whether the definition may not be served. */
export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

function summaryOf(findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  if (findings.length === 0) return 'No findings';
  return `${count(errors, 'error')}, ${count(warnings, 'warning')}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
