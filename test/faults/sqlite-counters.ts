import type { CollectionSpec } from '../../src/ports/record-store.ts';

/** The collection that the processes of these tests share. */
export const COUNTERS: CollectionSpec = {
  name: 'counters',
  indexes: [
    {
      name: 'counts',
      columns: ['count'],
      arrays: [],
      keys: [{ name: 'by_count', fields: ['count'], sort: [], unique: true }],
      revision: '1',
    },
  ],
};
