import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobResult, JobState } from "../../src/api/types.ts";
import { doing, outcome, runningFor } from "../../src/site/look_words.ts";
import { speakIn } from "./catalogues.ts";

speakIn("en");

const job = (state: JobState, more: Partial<Job> = {}): Job => ({
  id: "00", kind: "monitor", state, progress: null, message: "", created: "2024-07-11T00:00:00Z", started: null, finished: null, request: { sites: ["a"], since: null }, result: null, error: null, ...more,
});
const done = (result: JobResult, sites: string[] | null = ["a"]): Job => job("done", { result, request: { sites } });
const site = { id: "a" };

test("a job that looks at all sites looks at this one too", () => {
  const all = job("running", { request: { sites: null } });
  const other = job("queued", { request: { sites: ["b"] } });
  assert.equal(runningFor("a", [other, all]), all);
  assert.equal(runningFor("b", [other, all]), other);
  assert.equal(runningFor("c", [other, job("running", { request: { sites: [] } })])?.state, "running");
  assert.equal(runningFor("a", [other, job("done"), { ...job("running"), kind: "predict", request: { bbox: [] } }]), null);
});

test("of one site its number and name are left out", () => {
  assert.equal(doing(job("running", { message: "1/1 a" })), "searching");
  assert.equal(doing(job("running", { message: "1/1 a: mapping 2024-07-03" })), "mapping 2024-07-03");
  assert.equal(doing(job("running", { message: "telling" })), "telling");
  assert.equal(doing(job("running", { message: "cancelling" })), "cancelling");
  assert.equal(doing(job("running", { message: "3/7 c: mapping 2024-07-03", request: {} })), "3/7 c: mapping 2024-07-03");
  assert.equal(doing(job("queued")), "Waiting for its turn");
});

test("what came out is counted", () => {
  const said = (of: Job, last: string | null = "2024-07-03"): string => outcome(of, site, last).text;
  assert.deepEqual(outcome(done({ observations: 1, sites: 1 }), site, null), { text: "1 new observation", isProblem: false, isNew: true });
  assert.equal(said(done({ observations: 3 })), "3 new observations");
  assert.equal(said(done({ observations: 0 })), "Nothing new since 2024-07-03");
  assert.equal(said(done({ observations: 0 }), null), "No scene was found that shows the site");
  assert.equal(said(done({ observations: 2, sites: 7 }, null)), "2 new observations at 7 sites");
  assert.equal(said(job("cancelled")), "The search was cancelled.");
});

test("failures of the job and of the site are told, those of others are not", () => {
  assert.deepEqual(outcome(job("failed", { error: "no such model" }), site, null), { text: "No such model", isProblem: true, isNew: false });
  const failures = [{ site: "b", error: "b is gone" }, { site: "a", error: "the disk is full" }];
  assert.deepEqual(outcome(done({ observations: 2, sites: 4, failures }, null), site, null), { text: "The disk is full", isProblem: true, isNew: true });
  assert.equal(outcome(done({ observations: 2, sites: 4, failures: failures.slice(0, 1) }, null), site, null).isProblem, false);
});
