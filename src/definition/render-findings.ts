import { FINDING_CODES, type FindingCode } from './finding-codes.ts';
import { FINDING_EXAMPLES } from './finding-examples.ts';
import { RULES } from './lint/index.ts';

const GROUPS: readonly (readonly [title: string, first: FindingCode])[] = [
  ['Files and their form', 'FILE_MISSING'],
  ['Names', 'REFERENCE_UNKNOWN'],
  ['Operations and their arguments', 'UNKNOWN_OPERATION'],
  ['The language', 'TEMPLATE_INVALID'],
  ['Routes', 'ROUTE_CLASH'],
  ['Variables', 'VARIABLE_UNBOUND'],
  ['Transactions and bytes', 'TXN_UNPAIRED'],
  ['Pipelines', 'PIPELINE_TOO_LONG'],
  ['What is written and read', 'VALUE_NEVER_FITS'],
  ['Who may do what, and how far', 'SCOPE_UNUSED'],
  ["The definition's own rules", 'INVARIANT_BROKEN'],
];

const HEAD = `# Findings

What \`entrepot check\` says of a definition. A finding has a code, a severity, a place (file, line, column, JSON pointer), a message
and, where there is one, a way to mend it. An **error** keeps the definition from being served; a **warning** does not. Codes are
stable. A rule may report a milder severity than the usual one that stands here.

This page is made from the table of codes by \`entrepot docs\`; do not edit it.
`;

/** `docs/findings.md`: every code with its severity, its meaning and an example. */
export function renderFindings(): string {
  const codes = Object.keys(FINDING_CODES).filter(isCode);
  const lines = [HEAD];
  for (const code of codes) {
    const group = GROUPS.find(([, first]) => first === code);
    if (group !== undefined) lines.push(`## ${group[0]}\n`);
    lines.push(renderCode(code));
  }
  return lines.join('\n');
}

function isCode(name: string): name is FindingCode {
  return Object.hasOwn(FINDING_CODES, name);
}

function renderCode(code: FindingCode): string {
  const { severity, summary } = FINDING_CODES[code];
  const { wrong, mended } = FINDING_EXAMPLES[code];
  const rules = RULES.filter((rule) => rule.codes.includes(code)).length;
  const when = rules === 0 ? ' Found while files are read.' : '';
  return `### ${code}

${severity === 'error' ? 'Error' : 'Warning'}. ${summary}.${when}

- Wrong: ${quote(wrong)}
- Mended: ${quote(mended)}
`;
}

/** JSON as code, sentences as they are. */
function quote(text: string): string {
  return /^["{[]/.test(text) && /["}\]]$/.test(text) ? `\`${text}\`` : text;
}
