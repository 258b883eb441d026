/** Every contract that holds tokens, votes or words of the quorum, and its histories. */
import { airdropStory } from "./airdrop.ts";
import { distributorStory, stakeStory } from "./emission.ts";
import type { Story } from "./history.ts";
import { quorumStory } from "./orders.ts";
import { channelStory, escrowStory, vestingStory } from "./payments.ts";
import { certificateStory, governanceStory } from "./voting.ts";

export const STORIES: readonly Story[] = [
  channelStory,
  escrowStory,
  vestingStory,
  distributorStory,
  airdropStory,
  stakeStory,
  quorumStory,
  certificateStory,
  governanceStory,
];
