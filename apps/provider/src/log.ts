/** The Log port over pino: JSON lines on stderr, so that stdout keeps the one line a parent waits for. */
import type { Log, LogFields } from "@pingo/core";
import { pino } from "pino";
import type { LogLevel } from "./config.ts";

const STDERR = 2;

export function createLog(level: LogLevel): Log {
  // Written at once: a provider that is killed leaves no log line behind in a buffer.
  const sink = pino({ level, base: null }, pino.destination({ fd: STDERR, sync: true }));
  const writer = (method: "error" | "warn" | "info" | "debug") => (event: string, fields?: LogFields) =>
    sink[method]({ event, ...withoutBigints(fields) });
  return { error: writer("error"), warn: writer("warn"), info: writer("info"), debug: writer("debug") };
}

function withoutBigints(fields: LogFields = {}): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === "bigint" ? value.toString() : value]),
  );
}
