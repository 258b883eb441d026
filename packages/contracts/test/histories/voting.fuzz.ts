import { fuzz } from "./fuzz.ts";
import { quorumStory } from "./orders.ts";
import { certificateStory, governanceStory } from "./voting.ts";

fuzz(quorumStory, certificateStory, governanceStory);
