import type { Check, PermissionMatrix, VerifyReport } from '../verify/report.ts';
import { paint } from './paint.ts';
import { printFindings } from './print-findings.ts';
import { table } from './table.ts';

const MAX_DETAILS = 20;
const MARKS = { held: ['green', '✓'], failed: ['red', '✗'], note: ['yellow', '·'] } as const;

/** Writes each section with its checks, the matrix of permissions below that about them, and how many checks held. */
export function printVerifyReport(
  { ok, findings, sections, permissions }: VerifyReport,
  colours: boolean,
  print: (line: string) => void,
): void {
  if (findings.length > 0) printFindings(findings, colours, print);
  for (const { id, title, checks } of sections) {
    print(title);
    for (const check of checks) printCheck(check, colours, print);
    if (id === 'auth' && permissions !== null) printMatrix(permissions, print);
    print('');
  }
  const all = sections.flatMap(({ checks }) => checks);
  const count = (outcome: Check['outcome']) => all.filter((check) => check.outcome === outcome).length;
  const failed = count('failed');
  const verdict = ok
    ? paint('green', 'This registry does what it says', colours)
    : paint('red', 'This registry is wrong', colours);
  print(`${verdict}: ${count('held')} checks held, ${failed} failed, ${count('note')} notes`);
}

function printCheck({ name, outcome, details }: Check, colours: boolean, print: (line: string) => void): void {
  const [colour, mark] = MARKS[outcome];
  if (outcome === 'held') {
    print(`  ${paint(colour, mark, colours)} ${name}${details.length > 0 ? ` (${details.join('; ')})` : ''}`);
    return;
  }
  print(`  ${paint(colour, mark, colours)} ${name}`);
  for (const detail of details.slice(0, MAX_DETAILS)) print(`      ${detail}`);
  if (details.length > MAX_DETAILS) print(`      and ${details.length - MAX_DETAILS} more`);
}

function printMatrix({ principals, rows }: PermissionMatrix, print: (line: string) => void): void {
  const lines = table(
    ['route', ...principals],
    rows.map(({ route, permissions }) => [route, ...permissions]),
  );
  print('');
  for (const line of lines) print(`      ${line}`);
}
