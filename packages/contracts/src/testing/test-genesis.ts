/** A genesis file for tests over a devnet: one key is the whole quorum, one wallet holds everything, votes take half a minute. */

/** @param deployer its address; @param quorumKey ed25519, 32 bytes */
export function testGenesis(
  deployer: string,
  quorumKey: Uint8Array,
  change: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const vault = {
    owner: deployer,
    millionths: 1_000_000,
    startUnixS: 1,
    cliffSeconds: 1,
    durationSeconds: 10,
    stepSeconds: 1,
  };
  return {
    network: "testnet",
    deployer,
    guardian: deployer,
    quorum: { threshold: 1, publicKeys: [Buffer.from(quorumKey).toString("hex")] },
    emission: {
      startUnixS: 1,
      epochSeconds: 60,
      epochsPerEra: 100,
      windowSeconds: 1,
      resolveSeconds: 700_000,
      bondGram: 1,
    },
    registry: {
      providerStakeMinPingo: 0,
      fogStakeMinPingo: 0,
      verdictMillionthsMax: 100_000,
      unbondingSeconds: 700_000,
    },
    governance: { voteSeconds: 30, timelockSeconds: 10, buildersMin: 1, usersMinPingo: 1 },
    airdrop: { root: "1".repeat(64), endsAtUnixS: 2_000_000_000 },
    investors: [vault],
    team: [vault],
    ...change,
  };
}
