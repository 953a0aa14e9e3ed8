import { defineConfig } from 'vitest/config';

// .ci/run reads how many tests passed from this report.
const report: ['json', { outputFile: string }] = ['json', { outputFile: '.ci/report.json' }];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What is waited for comes when it comes; a second, which is vitest's own, is too little on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
    // Tests wait for disks, servers and clocks as much as they compute: two at a time fill two cores.
    maxWorkers: 2,
    reporters: process.env.CI ? ['default', report] : ['default'],
  },
});
