import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FINDING_CODES } from '../../src/definition/finding-codes.ts';
import type { Finding } from '../../src/definition/findings.ts';
import { RULES } from '../../src/definition/lint/index.ts';
import { loadDefinition } from '../../src/definition/load.ts';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import type { Vocabulary } from '../../src/definition/vocabulary.ts';

/**
 * Each folder of `golden/` is a registry (`schema.json` and packs) with the findings that it must have in `findings.json`.
 * `source` is what stands at the place of a finding. `UPDATE_GOLDEN=1` writes them anew: read what it wrote before committing it.
 */
const folder = join(import.meta.dirname, 'golden');
const cases = readdirSync(folder).sort();
let vocabulary: Vocabulary;

beforeAll(async () => {
  vocabulary = await loadVocabulary(join(import.meta.dirname, '../../operations'));
});

/** What stands at a place, as far as the line goes, at most 40 characters. */
function sourceAt(root: string, { file, line, column }: Finding): string | null {
  try {
    const text = readFileSync(join(root, file), 'utf8').split('\n')[line - 1] ?? '';
    return text.slice(column - 1, column + 39);
  } catch {
    return null;
  }
}

function goldenOf(root: string, findings: readonly Finding[]) {
  return findings.map((finding) => {
    const { code, severity, file, line, column, pointer } = finding;
    return { code, severity, file, line, column, pointer, source: sourceAt(root, finding) };
  });
}

describe('golden registries', () => {
  test.each(cases)('%s', async (name) => {
    const root = join(folder, name);
    const { definition, findings } = await loadDefinition(root, vocabulary);
    const actual = goldenOf(root, findings);
    const file = join(root, 'findings.json');
    if (process.env.UPDATE_GOLDEN === '1') {
      const lines = actual.map((finding) => `  ${JSON.stringify(finding)}`);
      writeFileSync(file, lines.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`);
    }
    expect(actual).toEqual(JSON.parse(readFileSync(file, 'utf8')));
    expect(definition === null).toBe(findings.some((finding) => finding.severity === 'error'));
    for (const { message, fix } of findings) {
      expect(message).toMatch(/^\S.*\S$/);
      if (fix !== null) expect(fix).toMatch(/\S/);
    }
  });

  test('show every code', () => {
    const shown = cases.flatMap((name) => {
      const findings: readonly Finding[] = JSON.parse(readFileSync(join(folder, name, 'findings.json'), 'utf8'));
      return findings.map((finding) => finding.code);
    });
    expect([...new Set(shown)].sort()).toEqual(Object.keys(FINDING_CODES).sort());
  });

  test('rules name codes that are in the table, each rule at least one', () => {
    for (const rule of RULES) {
      expect(rule.codes.length).toBeGreaterThan(0);
      for (const code of rule.codes) expect(FINDING_CODES).toHaveProperty(code);
    }
  });
});
