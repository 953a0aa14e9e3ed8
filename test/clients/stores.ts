import { ENTREPOT, NPM_SERVER } from '../support/npm-servers.ts';
import { describePostgres, makeSchema } from '../support/shared-postgres.ts';

/** Where the server keeps its records. */
export interface ChosenStore {
  readonly title: string;
  /** A value of `--store`, called once tests run; null: what the definition says. */
  open(): string | null;
  remove(): Promise<void>;
}

export const DECLARED_STORE: ChosenStore = {
  title: 'records where its definition says',
  open: () => null,
  remove: async () => {},
};

/** The same tests with records in PostgreSQL, in a schema that goes with them; where there is none, or another server is tried, they are left out. */
export function inPostgres(tests: (store: ChosenStore) => void): void {
  if (NPM_SERVER !== ENTREPOT) return;
  describePostgres('clients, records in PostgreSQL', (postgres) => {
    let remove = async () => {};
    tests({
      title: 'records in PostgreSQL',
      open() {
        const schema = makeSchema(postgres.url);
        remove = schema.remove;
        const url = new URL(postgres.url);
        url.searchParams.set('schema', schema.name);
        return url.href;
      },
      remove: () => remove(),
    });
  });
}
