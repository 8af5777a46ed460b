import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const DIST = path.resolve("dist");
const skip = existsSync(DIST) ? false : "dist/ is missing: run `npm run build`";

const files = (): string[] =>
  readdirSync(DIST, { recursive: true, encoding: "utf8" }).filter((file) => path.extname(file) !== "");

test("page and libraries have less than a megabyte, compressed", { skip }, () => {
  const bytes = files().reduce((sum, file) => sum + gzipSync(readFileSync(path.join(DIST, file))).length, 0);
  assert.ok(bytes < 1_000_000, `${bytes} bytes`);
});

test("names of files hold their content, so that browsers may keep them", { skip }, () => {
  for (const file of files()) assert.match(file, /^index\.html$|^assets[/\\].+-[\w-]{8}\.\w+$/);
});

test("the page has no script or style in itself", { skip }, () => {
  const page = readFileSync(path.join(DIST, "index.html"), "utf8");
  assert.doesNotMatch(page, /<script(?![^>]*src=)|<style|\son\w+=|style=/);
});

test("the lock names no registry", () => {
  const lock = readFileSync(path.resolve("package-lock.json"), "utf8");
  assert.doesNotMatch(lock, /"resolved"/);
});
