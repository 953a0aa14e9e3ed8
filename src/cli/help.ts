import { readArguments } from './arguments.ts';
import { type Command, UsageError } from './command.ts';

/** The command that explains `commands` and itself. */
export function helpFor(commands: readonly Command[]): Command {
  const help: Command = {
    name: 'help',
    summary: 'explain a command',
    help: `Usage: entrepot help [COMMAND]

Explains a command, or lists all of them.`,
    async run(args, { print }) {
      const { positionals } = readArguments(args, {}, 1);
      const [name] = positionals;
      const all = [...commands, help];
      const command = all.find((candidate) => candidate.name === name);
      if (name !== undefined && command === undefined) throw new UsageError(`There is no command "${name}"`);
      print(command?.help ?? overview(all));
      return 0;
    },
  };
  return help;
}

function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return `Usage: entrepot COMMAND [options]

Entrepot serves registries that are written as JSON.

Commands:
${commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}

"entrepot COMMAND --help" says more about each.`;
}
