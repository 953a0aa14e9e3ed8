import { readArguments } from './arguments.ts';
import type { Command } from './command.ts';
import { packageVersion } from './package.ts';

export const version: Command = {
  name: 'version',
  summary: 'print the version of Entrepot and of Node',
  help: `Usage: entrepot version

Prints the version of Entrepot and that of the Node it runs on.`,
  async run(args, { print }) {
    readArguments(args, {});
    print(`entrepot ${packageVersion()} (node ${process.versions.node})`);
    return 0;
  },
};
