/** Prints one line of a report. */
export type Say = (line: string) => void;
