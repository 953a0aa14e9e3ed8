/**
 * Other processes that serve the same registry beside this one: what one of them learns of a client and the others must know, too, goes
 * to all of them. Nothing waits for it to arrive, and a process that starts later has not heard of it.
 */
export interface Peers {
  /** `message` is what JSON can hold. */
  tell(subject: string, message: unknown): void;
  /** Hears what the others tell of a subject from now on. */
  hear(subject: string, listener: (message: unknown) => void): void;
}
