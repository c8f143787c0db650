/** How a command prints what it found. */
export type Format = "text" | "json";

export const FORMAT_OPTION = { format: { type: "string", default: "text" } } as const;

export const isFormat = (value: unknown): value is Format => value === "text" || value === "json";

/** What a command says to a word that is no format. */
export const noFormat = (command: string, value: unknown): string =>
  `weir ${command}: --format is text or json, not ${String(value)}\n`;

/** A value for machines, and for people who look. */
export const printJson = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;
