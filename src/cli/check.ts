import { resolve } from 'node:path';
import type { Finding } from '../definition/findings.ts';
import { readArguments } from './arguments.ts';
import type { Command, CommandContext } from './command.ts';
import { defaultRegistry } from './package.ts';
import { hasErrors, printFindings } from './print-findings.ts';
import { watchFolder } from './watch-folder.ts';

const HELP = `Usage: entrepot check [DIR|FILE] [--watch] [--json]

Reads a registry's definition and prints what is wrong with it, and how to mend it:

  routes/packages/fetch.json:12:9  error  VARIABLE_UNBOUND  "nmae" is not bound here
      Did you mean "name"?

DIR is a folder with a schema.json; FILE is a definition in one file. Without
either: the current folder where it has a schema.json, else the registry that
comes with Entrepot. docs/findings.md explains each kind of finding.

Options:
  --watch     check again whenever a file of the registry changes, until Ctrl-C
  --json      print the findings as a JSON array; with --watch one array per line
  -h, --help  show this text

Exit code: 0 when it can be served (warnings are allowed), 1 when there are errors.`;

export const check: Command = {
  name: 'check',
  summary: 'find what is wrong with a registry definition',
  help: HELP,
  async run(args, context) {
    const { values, positionals } = readArguments(args, { json: { type: 'boolean' }, watch: { type: 'boolean' } }, 1);
    const json = values.json === true;
    const { checkRegistry } = await import('../main.ts');
    const path = resolve(positionals[0] ?? defaultRegistry());
    if (values.watch !== true) {
      const findings = await checkRegistry(path);
      if (json) context.print(JSON.stringify(findings, null, 2));
      else printFindings(findings, context.colours, context.print);
      return hasErrors(findings) ? 1 : 0;
    }
    let last: readonly Finding[] = [];
    await watchFolder(path, async () => {
      const start = performance.now();
      last = await checkRegistry(path);
      if (json) context.print(JSON.stringify(last));
      else printRun(last, performance.now() - start, context);
    });
    return hasErrors(last) ? 1 : 0;
  },
};

/** Clears a terminal before what it writes; elsewhere runs are told apart by their last line. */
function printRun(findings: readonly Finding[], tookMs: number, { print, colours }: CommandContext): void {
  if (process.stdout.isTTY) process.stdout.write('\u001b[2J\u001b[3J\u001b[H');
  printFindings(findings, colours, print);
  const time = new Date().toTimeString().slice(0, 8);
  print(`Checked at ${time} in ${Math.round(tookMs)} ms. Waiting for changes; stop with Ctrl-C`);
}
