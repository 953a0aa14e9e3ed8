import type { EngineMigration, StoreTables } from '../store-tables.ts';
import { readArguments } from './arguments.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { defaultRegistry } from './package.ts';
import { printFindings } from './print-findings.ts';
import { table } from './table.ts';
import { readVerb } from './with-identity.ts';

const HELP = `Usage: entrepot db status|up|down|prune [options]

The tables of a registry's record stores. "serve" brings them up to date by
itself; this is for looking, for doing so beforehand, and for going back.

  status   which of the engine's migrations are done, and which indexes no
           definition declares any more
  up       does the migrations that are not done yet
  down     undoes the newest migration, with all that its tables hold; asks for
           --yes. Stop the servers first, and make a backup
  prune    drops the indexes that no definition declares any more; their records
           stay

Options:
  --registry DIR|FILE  the definition. Default: the current folder where it has a
                       schema.json, else the registry that comes with Entrepot
  --data DIR           the data folder (ENTREPOT_DATA; ./data)
  --store STORE        where records are kept, as for serve (ENTREPOT_STORE)
  --yes                does what cannot be undone
  --json               print JSON
  -h, --help           show this text`;

interface Verb {
  readonly words: readonly string[];
  run(tables: StoreTables): Promise<Answer>;
}

/** What one store says; a member is left out where it was not asked for. */
interface Answer {
  readonly migrations?: readonly EngineMigration[];
  readonly unused_indexes?: readonly string[];
  readonly done?: readonly string[];
  readonly undone?: readonly string[];
  readonly dropped?: readonly string[];
}

const VERBS: Readonly<Record<string, Verb>> = {
  status: {
    words: [],
    async run(tables) {
      const { migrations, unusedIndexes } = await tables.status();
      return { migrations, unused_indexes: unusedIndexes };
    },
  },
  up: { words: [], run: async (tables) => ({ done: await tables.up() }) },
  down: { words: [], run: async (tables) => ({ undone: await tables.down() }) },
  prune: { words: [], run: async (tables) => ({ dropped: await tables.dropUnused() }) },
};

export const db: Command = {
  name: 'db',
  summary: "look at, migrate and prune the record stores' tables",
  help: HELP,
  async run(args, context) {
    const { values, positionals } = readArguments(
      args,
      {
        registry: { type: 'string' },
        data: { type: 'string' },
        store: { type: 'string' },
        yes: { type: 'boolean' },
        json: { type: 'boolean' },
      },
      2,
    );
    const { verb } = readVerb('db', VERBS, positionals);
    if (positionals[0] === 'down' && values.yes !== true)
      throw new UsageError('"entrepot db down" drops tables with all that they hold: say --yes');
    const { openStoreTables } = await import('../store-tables.ts');
    const opened = await openStoreTables({
      registry: values.registry ?? defaultRegistry(),
      data: values.data ?? (context.env.ENTREPOT_DATA || 'data'),
      store: values.store ?? (context.env.ENTREPOT_STORE || null),
      env: context.env,
    });
    if (!opened.ok) {
      printFindings(opened.findings, context.colours, context.complain);
      return 1;
    }
    try {
      const answers: [string, Answer][] = [];
      for (const [name, tables] of opened.tables) answers.push([name, await verb.run(tables)]);
      if (values.json) context.print(JSON.stringify({ stores: Object.fromEntries(answers) }));
      else for (const [name, answer] of answers) show(name, answer, context);
      return 0;
    } finally {
      await opened.close();
    }
  },
};

function show(name: string, answer: Answer, { print }: CommandContext): void {
  if (answer.migrations !== undefined) {
    const rows = answer.migrations.map((migration) => [name, migration.name, migration.doneAt ?? 'not done']);
    for (const line of table(['store', 'migration', 'done'], rows)) print(line);
    for (const index of answer.unused_indexes ?? [])
      print(`${name}: no definition declares the index ${index} any more; "entrepot db prune" drops it`);
  }
  for (const [did, names] of Object.entries({ done: answer.done, undone: answer.undone, dropped: answer.dropped }))
    if (names !== undefined) print(`${name}: ${names.length === 0 ? 'nothing to do' : `${did} ${names.join(', ')}`}`);
}
