import { backup } from './backup.ts';
import { check } from './check.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { describeFailure, processContext } from './context.ts';
import { db } from './db.ts';
import { docs } from './docs.ts';
import { explain } from './explain.ts';
import { helpFor } from './help.ts';
import { migrate } from './migrate.ts';
import { create } from './new.ts';
import { restore } from './restore.ts';
import { routes } from './routes.ts';
import { run as runRoute } from './run.ts';
import { schema } from './schema.ts';
import { seed } from './seed.ts';
import { serve } from './serve.ts';
import { test } from './test.ts';
import { token } from './token.ts';
import { user } from './user.ts';
import { verify } from './verify.ts';
import { version } from './version.ts';

const COMMANDS: readonly Command[] = [
  serve,
  check,
  schema,
  routes,
  explain,
  runRoute,
  docs,
  create,
  seed,
  test,
  verify,
  user,
  token,
  backup,
  restore,
  migrate,
  db,
  version,
];
const HELP = helpFor(COMMANDS);
const ALIASES: Readonly<Record<string, string>> = {
  '--version': 'version',
  '-v': 'version',
  '--help': 'help',
  '-h': 'help',
};

async function run(argv: readonly string[], context: CommandContext): Promise<number> {
  const [word = 'help', ...args] = argv;
  const name = Object.hasOwn(ALIASES, word) ? ALIASES[word] : word;
  const command = [...COMMANDS, HELP].find((candidate) => candidate.name === name);
  try {
    if (command === undefined) throw new UsageError(`There is no command "${word}"`);
    if (args.some((arg) => arg === '--help' || arg === '-h')) {
      context.print(command.help);
      return 0;
    }
    return await command.run(args, context);
  } catch (thrown) {
    if (thrown instanceof UsageError) {
      context.complain(thrown.message);
      context.complain(`See: entrepot ${command === undefined ? 'help' : `${command.name} --help`}`);
      return 2;
    }
    context.complain(describeFailure(thrown));
    return 1;
  }
}

process.exitCode = await run(process.argv.slice(2), processContext());
