/** The main job while its processes are killed at moments drawn from a seed: it ends well whatever the moments. */
import { createPrng } from "@pingo/core";
import { systemClock } from "@pingo/core/system";
import { expect, test } from "vitest";
import { DigitsNetwork, eventsOf, hasDigits } from "./digits-network.ts";

const ROUNDS = 6;
const KILLS = 8;
const PAUSE_MS_MAX = 5_000;

test.skipIf(!hasDigits()).each([1, 2])(
  "seed %i: fog node and providers are killed again and again; the job succeeds",
  async (seed) => {
    const prng = createPrng(seed);
    await using network = await DigitsNetwork.start(3);
    const job = await network.submit({ "rounds: 6": `rounds: ${ROUNDS}`, "max: 5": "max: 30" });
    for (let kill = 0; kill < KILLS; kill++) {
      await systemClock.sleep(prng.int(PAUSE_MS_MAX));
      if ((await network.show(job)).finishedAtUnixMs !== null) break;
      if (prng.int(2) === 0) await network.restartFog();
      else await network.replaceProvider(prng.int(network.providers.length));
    }
    await network.until(job, (event) => event.type === "finished");
    const view = await network.show(job);
    expect(view, network.fog.logged()).toMatchObject({ state: "succeeded", round: ROUNDS });
    expect(view.evaluation?.accuracy).toBeGreaterThan(0.95);
    const everyRoundOnce = Array.from({ length: ROUNDS }, (_, index) => index + 1);
    expect(eventsOf(network, "committed").map(({ round }) => round)).toEqual(everyRoundOnce);
    const counted = eventsOf(network, "delivered").filter((delivered) => delivered.counted);
    expect(new Set(counted.map(({ round, unit }) => `${round}/${unit}`)).size).toBe(counted.length);
  },
);
