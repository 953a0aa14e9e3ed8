import { requireProgram } from './programs.ts';

/** Runs once before all tests. */
export default function setUp(): void {
  requireProgram('strace', 'strace');
}
