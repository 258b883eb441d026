/** Where others reach this station over HTTP, from what it listens on. */
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";

export function httpUrlOf({ address, port }: AddressInfo): string {
  const isEverywhere = address === "0.0.0.0" || address === "::";
  const host = isEverywhere ? (outwardAddress() ?? "127.0.0.1") : address;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** A station that listens everywhere names one address that other machines can use. */
function outwardAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}
