import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatFinding } from '../../src/definition/format-findings.ts';
import type { Definition } from '../../src/definition/types.ts';
import type { Vocabulary } from '../../src/definition/vocabulary.ts';
import { inspectRegistry } from '../../src/inspect-registry.ts';
import { ROOT } from '../house/source-files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A definition, checked: the project's own, or one in one file. */
export async function inspected(json?: object): Promise<{ definition: Definition; vocabulary: Vocabulary }> {
  let path = ROOT;
  if (json !== undefined) {
    path = join(temporaryFolder(), 'registry.json');
    writeFileSync(path, JSON.stringify({ schema_version: '1.0', type_id: 'test.inspect', ...json }));
  }
  const { definition, vocabulary, findings } = await inspectRegistry(path);
  if (definition === null) throw new Error(findings.map(formatFinding).join('\n'));
  return { definition, vocabulary };
}
