/** Hands each event to those who follow its job at this moment; what came before is the event store's. */
import type { JobId, NumberedEvent } from "@pingo/core";

export type Follower = (event: NumberedEvent) => void;

export interface EventHub {
  publish(job: JobId, event: NumberedEvent): void;
  follow(job: JobId, follower: Follower): Disposable;
}

export function createEventHub(): EventHub {
  const followersByJob = new Map<JobId, Set<Follower>>();
  return {
    publish(job, event) {
      for (const follower of followersByJob.get(job) ?? []) follower(event);
    },
    follow(job, follower) {
      const followers = followersByJob.get(job) ?? new Set();
      followersByJob.set(job, followers.add(follower));
      return {
        [Symbol.dispose]() {
          followers.delete(follower);
          if (followers.size === 0 && followersByJob.get(job) === followers) followersByJob.delete(job);
        },
      };
    },
  };
}
