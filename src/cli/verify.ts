import { readArguments } from './arguments.ts';
import { type Command, UsageError } from './command.ts';
import { defaultRegistry } from './package.ts';
import { printVerifyReport } from './print-verify.ts';

const HELP = `Usage: entrepot verify [DIR|FILE] [--store KIND] [--json]

Tries whether a registry does what its definition says, on new stores of its own
kinds that are thrown away; nothing outside is reached. Without DIR or FILE: the
current folder where it has a schema.json, else the registry that comes with
Entrepot. It looks at

  operations  every one defined is implemented, and the reverse; what the
              registry allows exists; their examples hold on its stores
  routes      every one compiles; their tests pass (see "entrepot test")
  storage     blobs are addressed by their content; commits compare and set and
              are all or nothing; indexes find what is there, in order; what
              routes wrote in their tests fits its schema and is found
  auth        each route, asked as anonymous and with each scope alone, answers
              as the policies and auth.require_scopes say; whoever may use a
              route that writes holds a scope that lists what it does; policies
              or required scopes guard every such route. The matrix is printed:

                route         anonymous  read  write  admin
                fetch_blob    yes        yes   403    yes

  events      they are typed, in the order of their commits, and in no other

A registry with tests for its routes is looked at more closely: the requests of
the tests are what principals ask, and what they write is what is audited.

Options:
  --store KIND  kind of the record stores: declared (default), memory or sqlite
  --json        print the report as JSON
  -h, --help    show this text

Exit code: 0 when everything holds (notes are allowed), 1 otherwise.`;

const STORES: Readonly<Record<string, string | null>> = { memory: 'memory', sqlite: 'sqlite', declared: null };

export const verify: Command = {
  name: 'verify',
  summary: 'try whether a registry does what its definition says',
  help: HELP,
  async run(args, { print, complain, colours }) {
    const { values, positionals } = readArguments(args, { store: { type: 'string' }, json: { type: 'boolean' } }, 1);
    const kind = values.store ?? 'declared';
    if (!Object.hasOwn(STORES, kind)) throw new UsageError(`"${kind}" is not one of ${Object.keys(STORES).join(', ')}`);
    const { verifyRegistry } = await import('../verify/verify.ts');
    const report = await verifyRegistry(positionals[0] ?? defaultRegistry(), {
      store: STORES[kind] ?? null,
      onProgress: (what) => complain(`… ${what}`),
    });
    if (values.json) print(JSON.stringify(report, null, 2));
    else printVerifyReport(report, colours, print);
    return report.ok ? 0 : 1;
  },
};
