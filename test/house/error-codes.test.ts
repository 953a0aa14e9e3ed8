import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/errors/codes.ts';
import { filesBelow, textOf } from './source-files.ts';

const TABLE = 'src/errors/codes.ts';
const files = filesBelow('src', '.ts').filter((file) => file !== TABLE);
const RAISED = /(?:\bfail\(|\bnew RegistryError\(|\btoRegistryError\([^()]*,)\s*'([A-Z][A-Z0-9_]*)'/g;

describe('error codes', () => {
  test('that are raised stand in the table', () => {
    const unknown = files.flatMap((file) =>
      [...textOf(file).matchAll(RAISED)]
        .map((match) => match[1]!)
        .filter((code) => !Object.hasOwn(ERROR_CODES, code))
        .map((code) => `${file}: ${code}`),
    );
    expect(unknown).toEqual([]);
  });

  test('that stand in the table are raised', () => {
    const named = new Set(
      files.flatMap((file) => [...textOf(file).matchAll(/'([A-Z][A-Z0-9_]*)'/g)].map((match) => match[1]!)),
    );
    expect(Object.keys(ERROR_CODES).filter((code) => !named.has(code))).toEqual([]);
  });

  test('have statuses of errors, and only failures of ours or of others may pass by themselves', () => {
    for (const [code, { status, retryable }] of Object.entries(ERROR_CODES)) {
      expect(status, code).toBeGreaterThanOrEqual(400);
      expect(status, code).toBeLessThan(600);
      if (retryable) expect([429, 500, 502, 503, 504, 507], code).toContain(status);
    }
  });
});
