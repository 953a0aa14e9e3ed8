/**
 * What every connection is set to. All statements look keys up in indexes made for them, so the planner is kept from the joins and scans
 * that small tables tempt it to, and plans each statement once. It knows neither the values nor the limits then: it would sort what an index
 * has in order, because a few rows are expected and a million are there, and start processes, which takes longer than a page. Whoever holds
 * locks and is not heard of any more loses them.
 */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = Object.freeze({
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  // Sorts are made where nothing else will do.
  enable_sort: 'off',
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
  lock_timeout: '4500',
  idle_in_transaction_session_timeout: '10000',
  client_min_messages: 'warning',
});

/** Names of schemas that need no quoting anywhere. */
export const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;
