import { expect, test } from 'vitest';
import { verifyRegistry } from '../../src/verify/verify.ts';
import { ROOT } from '../house/source-files.ts';

const PUBLIC = ['yes', 'yes', '403', 'yes'];
const WRITERS = ['401', '403', 'yes', 'yes'];
/** What access rules decide, and passwords, depends on who asks for what. */
const READ_BY_RULES = ['depends', 'depends', '403', 'depends'];
const WRITTEN_BY_RULES = ['401', '403', 'depends', 'depends'];

test('the registry that comes with the project does what it says', { timeout: 180_000 }, async () => {
  const { ok, findings, sections, permissions } = await verifyRegistry(ROOT, { store: null });
  const failed = sections.flatMap(({ checks }) => checks.filter(({ outcome }) => outcome === 'failed'));
  expect(failed).toEqual([]);
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(ok).toBe(true);
  expect(sections.map(({ id }) => id)).toEqual(['operations', 'routes', 'storage', 'auth', 'events']);
  const names = sections.flatMap(({ checks }) => checks.map(({ name, details }) => `${name} (${details[0]})`));
  expect(names).toContainEqual(expect.stringMatching(/^the operations' examples hold on sqlite \(\d{3} examples\)$/));
  expect(names).toContainEqual(
    expect.stringMatching(/^the routes' tests pass, and leave the stores in order \(\d{2,} tests\)$/),
  );
  const notes = sections.flatMap(({ checks }) => checks.filter(({ outcome }) => outcome === 'note'));
  expect(notes.map(({ name }) => name)).toEqual([
    'allowed, but no step uses them',
    'write although their method is safe',
  ]);
  expect(permissions?.principals).toEqual(['anonymous', 'read', 'write', 'admin']);
  expect(Object.fromEntries(permissions?.rows.map((row) => [row.route, row.permissions]) ?? [])).toEqual({
    add_owner: WRITTEN_BY_RULES,
    audit: PUBLIC,
    change_package: WRITTEN_BY_RULES,
    create_token: READ_BY_RULES,
    delete_artifact: WRITERS,
    delete_package: WRITTEN_BY_RULES,
    delete_tag: WRITERS,
    delete_tarball: WRITTEN_BY_RULES,
    describe_artifact: WRITERS,
    fetch_blob: PUBLIC,
    fetch_metadata: PUBLIC,
    fetch_tag: PUBLIC,
    fetch_through_proxy: PUBLIC,
    get_attestations: READ_BY_RULES,
    get_package: READ_BY_RULES,
    get_tarball: READ_BY_RULES,
    get_user: READ_BY_RULES,
    get_version: READ_BY_RULES,
    list_dist_tags: READ_BY_RULES,
    list_packages: PUBLIC,
    list_tags: PUBLIC,
    list_tokens: READ_BY_RULES,
    list_versions: PUBLIC,
    login: READ_BY_RULES,
    logout: READ_BY_RULES,
    ping: PUBLIC,
    publish_artifact: WRITERS,
    put_package: WRITTEN_BY_RULES,
    remove_dist_tag: WRITTEN_BY_RULES,
    remove_owner: WRITTEN_BY_RULES,
    resolve_latest: PUBLIC,
    search: READ_BY_RULES,
    search_packages: PUBLIC,
    set_dist_tag: WRITTEN_BY_RULES,
    set_tag: WRITERS,
    web_login: PUBLIC,
    whoami: READ_BY_RULES,
  });
});
