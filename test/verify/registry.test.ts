import { expect, test } from 'vitest';
import { verifyRegistry } from '../../src/verify/verify.ts';
import { ROOT } from '../house/source-files.ts';

const PUBLIC = ['yes', 'yes', '403', 'yes'];
const WRITERS = ['401', '403', 'yes', 'yes'];
const USERS = ['401', 'yes', 'yes', 'yes'];
const ALL = ['yes', 'yes', 'yes', 'yes'];

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
    add_owner: WRITERS,
    audit: ALL,
    change_package: WRITERS,
    create_token: USERS,
    delete_artifact: WRITERS,
    delete_package: WRITERS,
    delete_tag: WRITERS,
    delete_tarball: WRITERS,
    describe_artifact: WRITERS,
    fetch_blob: PUBLIC,
    fetch_metadata: PUBLIC,
    fetch_tag: PUBLIC,
    fetch_through_proxy: PUBLIC,
    get_attestations: PUBLIC,
    get_package: PUBLIC,
    get_tarball: PUBLIC,
    get_user: USERS,
    get_version: PUBLIC,
    list_dist_tags: PUBLIC,
    list_packages: PUBLIC,
    list_tags: PUBLIC,
    list_tokens: USERS,
    list_versions: PUBLIC,
    login: ALL,
    logout: USERS,
    ping: ALL,
    publish_artifact: WRITERS,
    put_package: WRITERS,
    remove_dist_tag: WRITERS,
    remove_owner: WRITERS,
    resolve_latest: PUBLIC,
    search: PUBLIC,
    search_packages: PUBLIC,
    set_dist_tag: WRITERS,
    set_tag: WRITERS,
    web_login: ALL,
    whoami: USERS,
  });
});
