import { isDeepStrictEqual } from 'node:util';
import type { Registry } from '../main.ts';
import type { CommandContext } from './command.ts';
import { printFindings } from './print-findings.ts';

/** Reads a registry's definition anew and puts it in the place of the running one, or says why that one goes on. */
export async function reload(path: string, registry: Registry, context: CommandContext): Promise<void> {
  const { readDefinition } = await import('../main.ts');
  const { definition, findings } = await readDefinition(path);
  if (definition !== null && isDeepStrictEqual(definition.raw, registry.definition.raw)) return;
  if (findings.length > 0) printFindings(findings, context.colours, context.complain);
  const reason = definition === null ? 'It has errors' : await registry.replace(definition);
  const { length } = registry.definition.routes;
  if (reason === null) context.print(`Took in the changed definition: ${length} ${length === 1 ? 'route' : 'routes'}`);
  else context.complain(`The changed definition is not served; the one before goes on. ${reason}`);
}
