/** Told how far a long work is, of how much (0: nobody knows), and what it is at. */
export type OnProgress = (done: number, total: number, label: string) => void;
