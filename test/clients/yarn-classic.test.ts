import { clientSuite } from './client-suite.ts';
import { inPostgres } from './stores.ts';

clientSuite('yarn 1');
inPostgres((store) => clientSuite('yarn 1', store));
