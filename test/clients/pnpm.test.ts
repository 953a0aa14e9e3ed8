import { clientSuite } from './client-suite.ts';
import { inPostgres } from './stores.ts';

clientSuite('pnpm');
inPostgres((store) => clientSuite('pnpm', store));
