/** How many rounds of faults there are; `FAULT_ROUNDS=200` makes a long night of it. */
export const FAULT_ROUNDS: number = Number(process.env.FAULT_ROUNDS ?? 5);

/** What random choices are made of; said at the start, so that `FAULT_SEED` can repeat them. */
export const FAULT_SEED: number = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** How often the servers of one kind of store are killed, beside those of whole rounds. */
export const FAULT_KILLS: number = FAULT_ROUNDS * 6;
