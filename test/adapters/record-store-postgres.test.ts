import { openPostgresRecordStore } from '../../src/adapters/record-store/postgres.ts';
import { recordStoreSuite } from '../conformance/record-store.ts';
import { describePostgres, makeSchema } from '../support/shared-postgres.ts';

describePostgres('PostgreSQL', (server) => {
  recordStoreSuite(
    'postgres',
    async () => {
      const { url } = server;
      const { name: schema, remove } = makeSchema(url);
      return {
        open: (clock) => openPostgresRecordStore({ url, schema, clock, watchIntervalMs: 5, poolSize: 8 }),
        remove,
      };
    },
    { unsupported: [] },
  );
});
