import type { LoadContext } from '../model.ts';
import type { ObjectReader } from '../object-reader.ts';
import type { PostgresServerDefinition } from '../types.ts';

/** The variable that says where the server is, unless the store names another. */
export const POSTGRES_URL_ENV = 'ENTREPOT_POSTGRES_URL';
const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;
const MAX_POOL = 1000;

/** What a record store of the kind `postgres` says of its server. */
export function readPostgresServer({ reporter }: LoadContext, reader: ObjectReader): PostgresServerDefinition {
  const url = reader.text('url', null);
  if (url !== null) {
    const parsed = URL.parse(url);
    if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
      reporter.report('SHAPE_INVALID', reader.at('url'), '"url" must be such as postgres://user@host:5432/database');
    } else if (parsed.password !== '') {
      reporter.report('SHAPE_INVALID', reader.at('url'), 'A password does not belong into a definition', {
        fix: `Put the whole URL into a variable and name it in "url_env" (default: ${POSTGRES_URL_ENV})`,
      });
    }
  }
  const schema = reader.text('schema', null);
  if (schema !== null && !SCHEMA_NAME.test(schema)) {
    reporter.report('SHAPE_INVALID', reader.at('schema'), '"schema" has lower-case letters, digits and underscores');
  }
  const urlEnv = reader.text('url_env', POSTGRES_URL_ENV) ?? POSTGRES_URL_ENV;
  const poolSize = reader.has('pool_size') ? reader.integer('pool_size', 0, 2, MAX_POOL) : null;
  const tls = reader.child('tls');
  const read = tls && {
    caFile: tls.text('ca_file', null),
    certFile: tls.text('cert_file', null),
    keyFile: tls.text('key_file', null),
    serverName: tls.text('server_name', null),
    verify: tls.boolean('verify', true),
  };
  tls?.finish();
  return { url, urlEnv, schema, poolSize, tls: read };
}
