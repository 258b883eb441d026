import { fuzz } from "./fuzz.ts";
import { channelStory, escrowStory } from "./payments.ts";

fuzz(channelStory, escrowStory);
