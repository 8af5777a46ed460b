/** Jobs that look for new scenes of a site, in words. */

import { words } from "../api/problem.ts";
import type { Job, SiteDetail } from "../api/types.ts";
import { day } from "../format.ts";
import { isOver, stateWords } from "../jobs/job.ts";
import { t } from "../words.ts";

export interface Outcome {
  /** Of a problem in the server's words, which are English. */
  text: string;
  isProblem: boolean;
  /** Whether the site has something new to show. */
  isNew: boolean;
}

/** Sites that a job looks at; none stands for all of the register. */
function sitesOf(job: Job): string[] {
  const sites = job.request["sites"];
  return Array.isArray(sites) ? sites.filter((id) => typeof id === "string") : [];
}

/** The job that looks at the site now. */
export function runningFor(site: string, jobs: readonly Job[]): Job | null {
  return jobs.find((job) => job.kind === "monitor" && !isOver(job) && (sitesOf(job).length === 0 || sitesOf(job).includes(site))) ?? null;
}

/** What it does now; of one site, which of how many need not be said. */
export function doing(job: Job): string {
  const text = stateWords(job);
  if (job.state !== "running" || sitesOf(job).length !== 1) return text;
  return text.replace(/^1\/1 \S+?(: |$)/, "") || t("look-searching");
}

/** What came out for `site`, whose last observation was that of `last`. */
export function outcome(job: Job, site: Pick<SiteDetail, "id">, last: string | null): Outcome {
  const problem = (text: string): Outcome => ({ text, isProblem: true, isNew: false });
  if (job.state === "failed") return problem(words(new Error(job.error ?? job.state)));
  if (job.state === "cancelled") return { text: t("look-cancelled"), isProblem: false, isNew: false };
  const { observations = 0, failures = [], sites = 1 } = job.result ?? {};
  // A site that could not be looked at does not fail the job.
  const failure = failures.find((failure) => failure.site === site.id);
  if (failure) return { ...problem(words(new Error(failure.error))), isNew: observations > 0 };
  const found = t("look-found", { count: observations });
  if (sitesOf(job).length !== 1) return { text: t("look-found-at", { found, sites: t("sites-count", { count: sites }) }), isProblem: false, isNew: observations > 0 };
  if (observations > 0) return { text: found, isProblem: false, isNew: true };
  return { text: last ? t("look-nothing-new", { day: day(last) }) : t("look-no-scene"), isProblem: false, isNew: false };
}
