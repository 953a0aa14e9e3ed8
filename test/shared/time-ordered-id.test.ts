import { expect, it, vi } from 'vitest';
import { timeOrderedId } from '../../src/shared/time-ordered-id.ts';

it('an id is a UUID of version 7 that begins with the time', () => {
  vi.useFakeTimers({ now: 0x0123_4567_89ab });
  try {
    const id = timeOrderedId();
    expect(id).toMatch(/^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(timeOrderedId()).not.toBe(id);
    vi.advanceTimersByTime(1);
    expect(timeOrderedId() > id).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});
