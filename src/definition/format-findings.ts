import type { Finding } from './findings.ts';

/** One finding as text: `file:line:column  severity  CODE  message`, and below it, indented, what to do about it. */
export function formatFinding(finding: Finding): string {
  const { file, line, column, severity, code, message, fix } = finding;
  const head = `${file}:${line}:${column}  ${severity}  ${code}  ${message}`;
  return fix === null ? head : `${head}\n    ${fix}`;
}
