import { readArguments } from './arguments.ts';
import type { Command } from './command.ts';
import { defaultRegistry } from './package.ts';
import { hasErrors, printFindings } from './print-findings.ts';

const HELP = `Usage: entrepot check [DIR|FILE] [--json]

Reads a registry's definition and prints what is wrong with it, and how to mend it:

  routes/packages/fetch.json:12:9  error  UNBOUND_VARIABLE  ...
      ...

DIR is a folder with a schema.json; FILE is a definition in one file. Without
either: the current folder where it has a schema.json, else the registry that
comes with Entrepot.

Options:
  --json      print the findings as a JSON array
  -h, --help  show this text

Exit code: 0 when it can be served (warnings are allowed), 1 when there are errors.`;

export const check: Command = {
  name: 'check',
  summary: 'find what is wrong with a registry definition',
  help: HELP,
  async run(args, { print, colours }) {
    const { values, positionals } = readArguments(args, { json: { type: 'boolean' } }, 1);
    const { checkRegistry } = await import('../main.ts');
    const findings = await checkRegistry(positionals[0] ?? defaultRegistry());
    if (values.json) print(JSON.stringify(findings, null, 2));
    else printFindings(findings, colours, print);
    return hasErrors(findings) ? 1 : 0;
  },
};
