import { pino, type Logger } from "pino";

export type Log = Logger;

/** Structured log lines on standard error; standard output is for what a command was asked to print. */
export const createLog = (level: "info" | "silent" = "info"): Log =>
  pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
