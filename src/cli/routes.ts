import { readArguments } from './arguments.ts';
import type { Command } from './command.ts';
import { inkFor } from './ink.ts';
import { readInspected } from './inspected.ts';
import { defaultRegistry } from './package.ts';
import { table } from './table.ts';

const HELP = `Usage: entrepot routes [DIR|FILE] [--json]

Lists the routes of a registry: method, path, id, pack, tags, the scopes that its
policies and steps ask for, and what it does. A path of several has a line each.

DIR is a folder with a schema.json; FILE is a definition in one file. Without
either: the current folder where it has a schema.json, else the registry that
comes with Entrepot.

Options:
  --json      print an array of { id, methods, paths, pack, tags, scopes, summary }
  -h, --help  show this text

See also: entrepot explain ROUTE, which says what a route does step by step.`;

export const routes: Command = {
  name: 'routes',
  summary: 'list the routes of a registry',
  help: HELP,
  async run(args, context) {
    const { values, positionals } = readArguments(args, { json: { type: 'boolean' } }, 1);
    const inspected = await readInspected(positionals[0] ?? defaultRegistry(), context);
    if (inspected === null) return 1;
    const { routeRows } = await import('../inspect/routes.ts');
    const rows = routeRows(inspected.definition, inspected.vocabulary);
    if (values.json) {
      context.print(JSON.stringify(rows, null, 2));
      return 0;
    }
    const [head = '', ...lines] = table(
      ['METHOD', 'PATH', 'ID', 'PACK', 'TAGS', 'SCOPES', 'SUMMARY'],
      rows.flatMap(({ methods, paths, id, pack, tags, scopes, summary }) =>
        paths.map((path) => [methods.join(','), path, id, pack ?? '-', tags.join(','), scopes.join(','), summary]),
      ),
    );
    context.print(inkFor(context.colours).strong(head));
    for (const line of lines) context.print(line);
    return 0;
  },
};
