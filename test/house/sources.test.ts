import { describe, expect, test } from 'vitest';
import { filesBelow, textOf } from './source-files.ts';

const MAX_LINES = 400;
const sources = filesBelow('src', '.ts');

/** What is one of these is decided by JSON alone. */
const ECOSYSTEMS =
  /(?<![a-z])(?:npm|oci|docker|pypi|cargo|crates|maven|helm|nuget|rubygems?|composer|packagist|conan|terraform|personas?)(?![a-z])/i;

describe('sources', () => {
  test('name no package ecosystem', () => {
    const named = sources.flatMap((file) =>
      textOf(file)
        .split('\n')
        .flatMap((line, index) => (ECOSYSTEMS.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
    );
    expect(named).toEqual([]);
  });

  test(`have at most ${MAX_LINES} lines`, () => {
    const long = [...sources, ...filesBelow('test', '.ts'), ...filesBelow('bench', '.ts')]
      .map((file) => ({ file, lines: textOf(file).trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > MAX_LINES);
    expect(long).toEqual([]);
  });

  test('have names in kebab-case', () => {
    const strange = sources.filter((file) =>
      file.split('/').some((part) => !/^[a-z0-9_]+(?:-[a-z0-9_]+)*(?:\.ts)?$/.test(part)),
    );
    expect(strange).toEqual([]);
  });
});
