/** Reads the options commander parsed; what it hands out has no types. */
import { parseBytes } from "@pingo/core";
import type { Command } from "commander";
import { CliError } from "./cli-error.ts";

export interface Options {
  flag(name: string): boolean;
  text(name: string): string | undefined;
  /** Of an option that takes several; none where it is not given. */
  texts(name: string): readonly string[];
  /** "512Mi", "2G" → bytes. */
  size(name: string): number | undefined;
  whole(name: string, range: { readonly min: number; readonly max: number }): number | undefined;
}

export function optionsOf(command: Command): Options {
  const values: Readonly<Record<string, unknown>> = command.optsWithGlobals();
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  return {
    flag: (name) => values[name] === true,
    text,
    texts(name) {
      const value = values[name];
      return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
    },
    size(name) {
      const value = text(name);
      return value === undefined ? undefined : parseBytes(value);
    },
    whole(name, { min, max }) {
      const value = text(name);
      if (value === undefined) return undefined;
      const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
      if (number >= min && number <= max) return number;
      const expected = `a whole number from ${min} to ${max}`;
      throw new CliError({ code: "OPTION_INVALID", option: `--${name}`, value, expected });
    },
  };
}
