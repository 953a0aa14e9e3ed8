import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { readArguments } from './arguments.ts';
import type { Command } from './command.ts';
import { readInspected } from './inspected.ts';
import { defaultRegistry } from './package.ts';

const HELP = `Usage: entrepot docs [DIR|FILE] [--out FOLDER] [--check]

Renders the reference of a registry as Markdown:

  operations.md   each operation: arguments, effect, codes, an example
  findings.md     each finding of the checker: what it means, how to mend it
  routes.md       each route of the registry: what it takes and what it answers

Without DIR or FILE: the current folder where it has a schema.json, else the
registry that comes with Entrepot.

Options:
  --out FOLDER  where the pages go; default: docs beside the schema.json
  --check       write nothing; exit with 1 when a page there is not what would be
                written, and say which
  -h, --help    show this text`;

export const docs: Command = {
  name: 'docs',
  summary: 'render the reference of operations, findings and routes',
  help: HELP,
  async run(args, context) {
    const { values, positionals } = readArguments(args, { out: { type: 'string' }, check: { type: 'boolean' } }, 1);
    const path = positionals[0] ?? defaultRegistry();
    const inspected = await readInspected(path, context);
    if (inspected === null) return 1;
    const { referencePages } = await import('../inspect/reference.ts');
    const folder = values.out ?? join(await folderOf(path), 'docs');
    let stale = 0;
    for (const { name, text } of referencePages(inspected.definition, inspected.vocabulary)) {
      const file = join(folder, name);
      if ((await textOf(file)) === text) continue;
      stale++;
      if (values.check) context.complain(`${relative('.', file)} is not up to date. Run: entrepot docs`);
      else {
        await mkdir(folder, { recursive: true });
        await writeFile(file, text);
        context.print(`Wrote ${relative('.', file)}`);
      }
    }
    if (stale === 0) context.print('All pages are up to date');
    return values.check && stale > 0 ? 1 : 0;
  },
};

async function folderOf(path: string): Promise<string> {
  return (await stat(path)).isDirectory() ? path : dirname(path);
}

async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return null;
  }
}
