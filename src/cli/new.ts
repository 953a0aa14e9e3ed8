import { join } from 'node:path';
import { newEntity, newPack, newRoute, newSection, ROUTE_TEMPLATES, type Written } from '../scaffold/scaffold.ts';
import { packageFolder } from '../shared/package-folder.ts';
import { readArguments } from './arguments.ts';
import { type Command, UsageError } from './command.ts';
import { printFindings } from './print-findings.ts';

const HELP = `Usage: entrepot new pack NAME
       entrepot new entity NAME --pack PACK
       entrepot new route NAME --pack PACK [--template plain|read|write|proxy]
                [--entity ENTITY] [--upstream UPSTREAM]
       entrepot new blob_store|auth_scope|upstream NAME

Starts something from a template, in the registry of the current folder; "new pack"
makes a schema.json where there is none. What comes out checks clean and, where it
has a route, answers: change it from there.

Options:
  --registry DIR  the folder that holds schema.json (the current folder)
  --pack PACK     the pack that gets it
  --template T    what a route starts as: a plain answer, a read of a record, a
                  write in a transaction, a fetch through an upstream (plain)
  --json          tells a program what was written
  -h, --help      show this text`;

export const create: Command = {
  name: 'new',
  summary: 'start a pack, an entity, a route or a section from a template',
  help: HELP,
  async run(args, { print, complain, colours }) {
    const { values, positionals } = readArguments(
      args,
      {
        registry: { type: 'string' },
        pack: { type: 'string' },
        template: { type: 'string' },
        entity: { type: 'string' },
        upstream: { type: 'string' },
        json: { type: 'boolean' },
      },
      2,
    );
    const [kind, name] = positionals;
    if (kind === undefined || name === undefined) throw new UsageError('Say what to start, and its name');
    const registry = values.registry ?? '.';
    const scaffold = { registry, templates: join(packageFolder(), 'templates') };
    const pack = () => {
      if (values.pack === undefined) throw new UsageError(`Say with --pack which pack gets the ${kind}`);
      return values.pack;
    };
    let written: Written;
    switch (kind) {
      case 'pack':
        written = await newPack(scaffold, name);
        break;
      case 'entity':
        written = await newEntity(scaffold, pack(), name);
        break;
      case 'route': {
        const template = ROUTE_TEMPLATES.find((known) => known === (values.template ?? 'plain'));
        if (template === undefined) throw new UsageError(`There is no template "${values.template}"`);
        const words = { entity: values.entity ?? null, upstream: values.upstream ?? null };
        written = await newRoute(scaffold, pack(), name, template, words);
        break;
      }
      case 'blob_store':
      case 'auth_scope':
      case 'upstream':
        written = await newSection(scaffold, kind, name);
        break;
      default:
        throw new UsageError(`There is nothing to start a "${kind}" from`);
    }
    if (values.json === true) print(JSON.stringify(written));
    else {
      for (const file of written.created) print(`created  ${file}`);
      for (const file of written.changed) print(`changed  ${file}`);
      print(`Try: ${written.tryIt}`);
    }
    const { checkRegistry } = await import('../main.ts');
    const findings = await checkRegistry(registry);
    if (findings.length > 0) printFindings(findings, colours, complain);
    return 0;
  },
};
