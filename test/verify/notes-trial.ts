import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { formatFinding } from '../../src/definition/format-findings.ts';
import { loadDefinition } from '../../src/definition/load.ts';
import { vocabulary } from '../../src/main.ts';
import { isolated } from '../../src/route-tests/throw-away.ts';
import { systemClock } from '../../src/shared/clock.ts';
import { prepare } from '../../src/trial/prepare.ts';
import { openTrial, type Trial } from '../../src/trial/trial.ts';
import { NOTES } from '../cli/definitions.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A copy that may be changed. */
// biome-ignore lint/suspicious/noExplicitAny: tests break definitions in ways that no type foresees.
export function notes(): any {
  return structuredClone(NOTES);
}

/** A trial of a definition, in memory, closed when the test ends. */
export async function trialOf(definition: object): Promise<Trial> {
  const folder = temporaryFolder();
  const file = join(folder, 'registry.json');
  writeFileSync(file, JSON.stringify(definition));
  const words = await vocabulary();
  const loaded = await loadDefinition(file, words);
  if (loaded.definition === null) throw new Error(loaded.findings.map(formatFinding).join('\n'));
  const own = isolated(loaded.definition, 'memory');
  const prepared = prepare(own, words);
  const trial = await openTrial({ definition: own, prepared, folder, memory: true, env: {}, clock: systemClock });
  onTestFinished(() => trial.close());
  return trial;
}
