import type { OperationHandler } from '../engine/contract.ts';
import { archiveRead } from './archive/read.ts';
import { authenticate } from './auth/authenticate.ts';
import { hasUser } from './auth/has_user.ts';
import { requireAccess } from './auth/require_access.ts';
import { requireScopes } from './auth/require_scopes.ts';
import { blobFill } from './blob/fill.ts';
import { blobGet } from './blob/get.ts';
import { blobPut } from './blob/put.ts';
import { blobStat } from './blob/stat.ts';
import { blobVerifyDigest } from './blob/verify_digest.ts';
import { cacheDelete } from './cache/delete.ts';
import { cacheGet } from './cache/get.ts';
import { cachePut } from './cache/put.ts';
import { codecDecode } from './codec/decode.ts';
import { emitEvent } from './emit/event.ts';
import { flowCall } from './flow/call.ts';
import { flowEach } from './flow/each.ts';
import { flowExclusive } from './flow/exclusive.ts';
import { flowIf } from './flow/if.ts';
import { set } from './flow/set.ts';
import { indexDelete } from './index/delete.ts';
import { indexQuery } from './index/query.ts';
import { indexUpsert } from './index/upsert.ts';
import { kvCasPut } from './kv/cas_put.ts';
import { kvDelete } from './kv/delete.ts';
import { kvGet } from './kv/get.ts';
import { kvList } from './kv/list.ts';
import { kvPut } from './kv/put.ts';
import { normalizeEntity } from './normalize/entity.ts';
import { objectPick } from './object/pick.ts';
import { parseAccept } from './parse/accept.ts';
import { parseHeader } from './parse/header.ts';
import { parseJson } from './parse/json.ts';
import { parsePath } from './parse/path.ts';
import { parseQuery } from './parse/query.ts';
import { proxyFetch } from './proxy/fetch.ts';
import { respondBytes } from './respond/bytes.ts';
import { respondEmpty } from './respond/empty.ts';
import { respondError } from './respond/error.ts';
import { respondJson } from './respond/json.ts';
import { respondRedirect } from './respond/redirect.ts';
import { respondRepresentation } from './respond/representation.ts';
import { respondText } from './respond/text.ts';
import { searchQuery } from './search/query.ts';
import { format } from './string/format.ts';
import { stringMatch } from './string/match.ts';
import { nowIso8601 } from './time/now_iso8601.ts';
import { tokenIssue } from './token/issue.ts';
import { tokenList } from './token/list.ts';
import { tokenRevoke } from './token/revoke.ts';
import { validateEntity } from './validate/entity.ts';
import { validateJsonSchema } from './validate/json_schema.ts';
import { versionMax } from './version/max.ts';

/** Operations that the engine itself implements: they are about the list of steps, not about a step. */
export const CONTROL_OPERATIONS: readonly string[] = Object.freeze(['txn.begin', 'txn.commit', 'txn.abort']);

/** Handlers by the names of their operations. */
export const HANDLERS: ReadonlyMap<string, OperationHandler> = byName([
  authenticate,
  hasUser,
  requireAccess,
  archiveRead,
  requireScopes,
  blobFill,
  blobGet,
  blobPut,
  blobStat,
  blobVerifyDigest,
  cacheDelete,
  cacheGet,
  cachePut,
  codecDecode,
  emitEvent,
  flowCall,
  flowEach,
  flowExclusive,
  flowIf,
  set,
  indexDelete,
  indexQuery,
  indexUpsert,
  kvCasPut,
  kvDelete,
  kvGet,
  kvList,
  kvPut,
  normalizeEntity,
  objectPick,
  parseAccept,
  parseHeader,
  parseJson,
  parsePath,
  parseQuery,
  proxyFetch,
  respondBytes,
  respondEmpty,
  respondError,
  respondJson,
  respondRedirect,
  respondRepresentation,
  respondText,
  searchQuery,
  format,
  stringMatch,
  nowIso8601,
  tokenIssue,
  tokenList,
  tokenRevoke,
  validateEntity,
  validateJsonSchema,
  versionMax,
]);

/** Throws on a second handler of one name: nothing is ever overwritten in silence. */
export function byName(handlers: readonly OperationHandler[]): ReadonlyMap<string, OperationHandler> {
  const map = new Map<string, OperationHandler>();
  for (const handler of handlers) {
    if (map.has(handler.op)) throw new Error(`There are two handlers of the operation ${handler.op}`);
    map.set(handler.op, handler);
  }
  return map;
}
