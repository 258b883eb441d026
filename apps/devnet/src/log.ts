/** The Log port over pino: JSON lines on stderr, so that stdout keeps the one line a parent waits for. */
import type { Log, LogFields } from "@pingo/core";
import { pino } from "pino";
import type { LogLevel } from "./config.ts";

const STDERR = 2;
/** Of lines that could not be written; past it they are lost. */
const KEPT_CHARS_MAX = 1_000_000;

export function createLog(level: LogLevel): Log {
  // Written at once: a process that is killed leaves no log line behind in a buffer.
  const lines = pino.destination({ fd: STDERR, sync: true, maxLength: KEPT_CHARS_MAX });
  lines.on("error", () => undefined); // a log on a full disk: its lines are kept until there is room again
  const sink = pino({ level, base: null }, lines);
  const writer = (method: "error" | "warn" | "info" | "debug") => (event: string, fields?: LogFields) =>
    sink[method]({ event, ...withoutBigints(fields) });
  return { error: writer("error"), warn: writer("warn"), info: writer("info"), debug: writer("debug") };
}

function withoutBigints(fields: LogFields = {}): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === "bigint" ? value.toString() : value]),
  );
}
