import { defineConfig } from 'vitest/config';

// .ci/run reads how many tests passed from this report.
const report: ['json', { outputFile: string }] = ['json', { outputFile: '.ci/report.json' }];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Tests wait for disks, servers and clocks as much as they compute: two at a time fill two cores.
    maxWorkers: 2,
    // V8 of Node 24 compiles wrappers of WebAssembly's imports after so many calls and frees the old ones, which ends processes with several
    // threads by SIGTRAP or SIGSEGV now and then (`Runtime_TierUpWasmToJSWrapper`): here it never comes to that.
    execArgv: ['--wasm-wrapper-tiering-budget=2000000000'],
    reporters: process.env.CI ? ['default', report] : ['default'],
  },
});
