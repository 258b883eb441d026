import type { Log, LogFields } from "../ports.ts";

export interface RecordedLog extends Log {
  readonly entries: readonly {
    readonly level: keyof Log;
    readonly event: string;
    readonly fields: LogFields;
  }[];
}

export function createRecordedLog(): RecordedLog {
  const entries: { level: keyof Log; event: string; fields: LogFields }[] = [];
  const record =
    (level: keyof Log) =>
    (event: string, fields: LogFields = {}): void => {
      entries.push({ level, event, fields });
    };
  return {
    entries,
    error: record("error"),
    warn: record("warn"),
    info: record("info"),
    debug: record("debug"),
  };
}

export const silentLog: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};
