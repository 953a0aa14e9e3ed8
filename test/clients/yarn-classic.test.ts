import { clientSuite } from './client-suite.ts';

clientSuite('yarn 1');
