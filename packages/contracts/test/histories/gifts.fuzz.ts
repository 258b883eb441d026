import { airdropStory } from "./airdrop.ts";
import { distributorStory, stakeStory } from "./emission.ts";
import { fuzz } from "./fuzz.ts";
import { vestingStory } from "./payments.ts";

fuzz(distributorStory, airdropStory, stakeStory, vestingStory);
