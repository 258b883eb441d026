/** Measured by the tests; see gas.ts. */
export const GAS: Readonly<Record<string, number>> = {
  "pingo-minter: genesis of three": 19_484,
  "pingo-minter: provide wallet address": 4165,
  "pingo-minter: redeliver": 9267,
  "pingo-wallet: bounce": 3666,
  "pingo-wallet: receive, with notification": 7376,
  "pingo-wallet: transfer": 6812,
  "quorum: bounce": 2011,
  "quorum: execute, 3 signatures": 10_265,
  "quorum: set 3 keys": 8041,
};
