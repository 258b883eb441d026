/**
 * Settings of a program, as its config.ts reads them from the environment: each reader takes the key, so that what is
 * wrong is named, and what is read.
 */
import { FaultError, type Sentences } from "./fault.ts";
import { nearest } from "./written/nearest.ts";

export type SettingFault =
  | {
      readonly code: "SETTING_UNKNOWN";
      readonly key: string;
      readonly program: string;
      readonly known: string;
      readonly nearest: string | null;
    }
  | {
      readonly code: "SETTING_INVALID";
      readonly key: string;
      readonly value: string;
      readonly expected: string;
    };

const SENTENCES: Sentences<SettingFault> = {
  SETTING_UNKNOWN: (f) =>
    `${f.key} is not a setting of ${f.program}; ${f.nearest === null ? `it knows ${f.known}` : `did you mean ${f.nearest}?`}`,
  SETTING_INVALID: (f) => `${f.key} is "${f.value}"; expected ${f.expected}`,
};

export class SettingError extends FaultError<SettingFault> {
  override readonly name = "SettingError";
  constructor(fault: SettingFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const VALUE_CHARS_SHOWN = 128;
const PORT_MAX = 65_535;

/**
 * A setting that is mistyped would otherwise be a default without a word.
 *
 * @throws {SettingError} SETTING_UNKNOWN
 */
export function refuseUnknown(
  env: Readonly<Record<string, string | undefined>>,
  of: { readonly program: string; readonly prefix: string; readonly known: readonly string[] },
): void {
  for (const key of Object.keys(env)) {
    if (!key.startsWith(of.prefix) || of.known.includes(key)) continue;
    throw new SettingError({
      code: "SETTING_UNKNOWN",
      key,
      program: of.program,
      known: of.known.join(", "),
      nearest: nearest(key, of.known),
    });
  }
}

/** The fault of a value that is not what is expected. */
export function invalidSetting(key: string, value: string, expected: string): SettingError {
  return new SettingError({
    code: "SETTING_INVALID",
    key,
    value: value.slice(0, VALUE_CHARS_SHOWN),
    expected,
  });
}

/** @throws {SettingError} SETTING_INVALID */
export function readWhole(
  key: string,
  value: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalidSetting(key, value, `a whole number from ${min} to ${max}`);
}

/** @throws {SettingError} SETTING_INVALID */
export function readOneOf<T extends string>(key: string, value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw invalidSetting(key, value, known.join(", "));
  return found;
}

/** @throws {SettingError} SETTING_INVALID */
export function readFlag(key: string, value: string): boolean {
  return readOneOf(key, value, ["1", "0"]) === "1";
}

/** @param example  of the same program @throws {SettingError} SETTING_INVALID */
export function readHostPort(key: string, value: string, example: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([a-zA-Z0-9.-]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= PORT_MAX))
    throw invalidSetting(key, value, `host:port, like ${example}`);
  return { host, port };
}

/** As it was typed, without slashes at its end. @throws {SettingError} SETTING_INVALID */
export function readHttpUrl(key: string, value: string, example: string): string {
  if (/^https?:\/\/[^/\s]+\S*$/.test(value) && URL.canParse(value)) return value.replace(/\/+$/, "");
  throw invalidSetting(key, value, `a URL, like ${example}`);
}
