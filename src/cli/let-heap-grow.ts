import { setFlagsFromString } from 'node:v8';

/**
 * Lets what requests leave in the heap double before it is collected. V8 goes by how fast that grows, and would collect after each tenth: a
 * server that keeps little would look through all that it has every few hundred writes.
 */
export function letHeapGrow(): void {
  setFlagsFromString('--heap-growing-percent=100');
}
