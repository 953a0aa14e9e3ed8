import { clientSuite } from './client-suite.ts';
import { inPostgres } from './stores.ts';

clientSuite('npm');
inPostgres((store) => clientSuite('npm', store));
