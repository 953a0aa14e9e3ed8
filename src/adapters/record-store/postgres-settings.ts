/**
 * What every connection is set to. All statements look keys up in indexes made for them, so the planner is kept from the joins and scans
 * that small tables tempt it to, and plans each statement once. Whoever holds locks and is not heard of any more loses them.
 */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = Object.freeze({
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
  lock_timeout: '4500',
  idle_in_transaction_session_timeout: '10000',
  client_min_messages: 'warning',
});

/** Names of schemas that need no quoting anywhere. */
export const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;
