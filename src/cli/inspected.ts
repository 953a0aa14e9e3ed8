import type { Definition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import type { CommandContext } from './command.ts';
import { printFindings } from './print-findings.ts';

/** Reads a definition for a command that shows it. Where it has errors, says which and gives back null. */
export async function readInspected(
  path: string,
  { colours, complain }: CommandContext,
): Promise<{ readonly definition: Definition; readonly vocabulary: Vocabulary } | null> {
  const { inspectRegistry } = await import('../inspect-registry.ts');
  const { definition, vocabulary, findings } = await inspectRegistry(path);
  if (definition !== null) return { definition, vocabulary };
  printFindings(findings, colours, complain);
  return null;
}
