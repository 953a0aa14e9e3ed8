import { readArguments } from './arguments.ts';
import { type Command, UsageError } from './command.ts';

const HELP = `Usage: entrepot schema [registry|pack|route|operation]

Prints the JSON Schema of a kind of file, built from the operations that this
program has: editors complete the arguments of each operation with it and show
what they mean. Without a kind: registry.

  entrepot schema route > route.schema.json

and in a route file, as its first key:

  "$schema": "../../route.schema.json"

The schemas of this version stand ready in the folder schemas/ of the package.

Options:
  -h, --help  show this text`;

export const schema: Command = {
  name: 'schema',
  summary: 'print the JSON Schema of a kind of file, for editors',
  help: HELP,
  async run(args, { print }) {
    const { positionals } = readArguments(args, {}, 1);
    const [asked = 'registry'] = positionals;
    const [{ FILE_KINDS, fileSchema }, { vocabulary }] = await Promise.all([
      import('../definition/json-schemas/index.ts'),
      import('../main.ts'),
    ]);
    const kind = FILE_KINDS.find((candidate) => candidate === asked);
    if (kind === undefined) throw new UsageError(`"${asked}" is none of ${FILE_KINDS.join(', ')}`);
    print(JSON.stringify(fileSchema(kind, await vocabulary()), null, 2));
    return 0;
  },
};
