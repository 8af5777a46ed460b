/** Following a job of the server until it ends. */

import { api, paths } from "../api/client.ts";
import { events } from "../api/events.ts";
import { Problem } from "../api/problem.ts";
import type { Job } from "../api/types.ts";
import { t } from "../words.ts";

const RETRY_MS = 2000;

export const isOver = (job: Job): boolean => job.state === "done" || job.state === "failed" || job.state === "cancelled";

/** Calls `changed` with every state of the job. A broken connection is made anew; what the server refuses ends it. */
export async function follow(id: string, changed: (job: Job) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const { event, data } of events(paths.jobEvents(id), signal)) {
        if (event !== "job") continue;
        const job = JSON.parse(data) as Job;
        changed(job);
        if (isOver(job)) return;
      }
      // The stream ended before the job was seen to end.
      const job = await api.job(id);
      changed(job);
      if (isOver(job)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status < 500) throw error;
    }
    await new Promise((resolve) => window.setTimeout(resolve, RETRY_MS));
  }
}

/** What a job does at the moment: in the server's words if it has some, which are English. */
export function stateWords(job: Job): string {
  switch (job.state) {
    case "queued":
      return job.message || t("job-queued");
    case "running":
      return job.message || t("job-running");
    case "done":
      return job.message || t("job-done");
    case "failed":
      return job.error || t("job-failed");
    case "cancelled":
      return t("job-cancelled");
  }
}

/** Whether `text` was taken from what the server says of the job. */
export const isServed = (job: Job, text: string): boolean => text !== "" && [job.message, job.error].some((said) => said?.endsWith(text) ?? false);
