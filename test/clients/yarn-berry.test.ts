import { clientSuite } from './client-suite.ts';
import { inPostgres } from './stores.ts';

clientSuite('yarn 4');
inPostgres((store) => clientSuite('yarn 4', store));
