import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { beforeAll, describe, inject, onTestFinished, type TestContext } from 'vitest';
// Says what `inject('postgres')` gives.
import type {} from './postgres-offer.ts';

const LOCK_MS = 10_000;

/** Why there is no PostgreSQL here; null when there is. */
export function whyNoPostgres(): string | null {
  return inject('postgres').missing;
}

/** The server that all tests of a run share, started by whoever asks first; null where PostgreSQL is not installed. */
export async function sharedPostgres(): Promise<{ readonly url: string } | null> {
  const { askAt } = inject('postgres');
  if (askAt === null) return null;
  const answer = await fetch(askAt);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return { url: text };
}

/** `describe` for tests that need the shared server; skipped, with the reason printed, where PostgreSQL is not installed. */
export function describePostgres(name: string, tests: (server: { readonly url: string }) => void): void {
  const missing = whyNoPostgres();
  if (missing !== null) console.warn(`Skipped: ${name}: ${missing}`);
  describe.skipIf(missing !== null)(name, () => {
    let shared: { readonly url: string } | null = null;
    beforeAll(async () => {
      shared = await sharedPostgres();
    });
    tests({
      get url() {
        if (shared === null) throw new Error('The server is there once tests run');
        return shared.url;
      },
    });
  });
}

/** Skips a test that starts servers of its own, with the reason printed, where PostgreSQL is not installed. */
export function requirePostgres({ skip }: Pick<TestContext, 'skip'>): void {
  const missing = whyNoPostgres();
  if (missing === null) return;
  console.warn(`Skipped: ${missing}`);
  skip(missing);
}

/** The name of a schema that nobody has, dropped when the running test ends; in `beforeAll` use `makeSchema`. */
export function freshSchema(url: string): string {
  const { name, remove } = makeSchema(url);
  onTestFinished(remove);
  return name;
}

/** The name of a schema that nobody has, and the way to drop it once somebody made it. Close what uses it first. */
export function makeSchema(url: string): { readonly name: string; readonly remove: () => Promise<void> } {
  const name = `test_${randomBytes(8).toString('hex')}`;
  return {
    name,
    async remove() {
      const client = new Client({ connectionString: url });
      await client.connect();
      try {
        await client.query(
          `SET lock_timeout = ${LOCK_MS}; SET client_min_messages = warning; DROP SCHEMA IF EXISTS ${name} CASCADE`,
        );
      } finally {
        await client.end();
      }
    },
  };
}
