import { readArguments } from './arguments.ts';
import { type Command, UsageError } from './command.ts';
import { inkFor } from './ink.ts';
import { readInspected } from './inspected.ts';
import { defaultRegistry } from './package.ts';

const HELP = `Usage: entrepot explain ROUTE [DIR|FILE] [--json]

Shows how a route is compiled, step by step:

  3 kv.get      the operation, its effect and what it does
    when        the condition under which it runs
    reads       the variables that its condition and arguments look at
    binds       the variables that it sets
    document    what it touches of what the registry declares
    runs        the statement that the record store runs now
    commit      ... or when the transaction around it commits
    errors      codes that it may fail with

A rail (┌ │ └) marks the steps of a transaction: they run again from the top when
another commit got in between. Pipelines that a step calls stand under it. No data
is opened, and nothing is shown that the definition does not hold.

ROUTE is a route's id; "entrepot routes" lists them. Without DIR or FILE: the
current folder where it has a schema.json, else the registry that comes with
Entrepot.

Options:
  --json      print it as one JSON object
  -h, --help  show this text`;

export const explain: Command = {
  name: 'explain',
  summary: 'show what a route does, step by step',
  help: HELP,
  async run(args, context) {
    const { values, positionals } = readArguments(args, { json: { type: 'boolean' } }, 2);
    const [id, path = defaultRegistry()] = positionals;
    if (id === undefined) throw new UsageError('Which route? Give its id');
    const inspected = await readInspected(path, context);
    if (inspected === null) return 1;
    const { definition, vocabulary } = inspected;
    const { explainRouteOf } = await import('../inspect-registry.ts');
    const route = await explainRouteOf(definition, vocabulary, id);
    if (route === null) {
      context.complain(
        `There is no route "${id}". There are: ${definition.routes.map((entry) => entry.id).join(', ')}`,
      );
      return 1;
    }
    if (values.json) context.print(JSON.stringify(route, null, 2));
    else {
      const { renderRoute } = await import('../inspect/render-route.ts');
      context.print(renderRoute(route, inkFor(context.colours)));
    }
    return 0;
  },
};
