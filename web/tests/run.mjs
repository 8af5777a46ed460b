// Compiles the tests and runs them: `node tests/run.mjs [unit|browser]`.

import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const web = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const out = path.join(web, ".tests");
const [kind] = process.argv.slice(2);

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: web, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

rmSync(out, { recursive: true, force: true });
run(process.execPath, [path.join(web, "node_modules/typescript/bin/tsc"), "-p", "tests"]);
const files = ["unit", "browser"]
  .filter((name) => kind === undefined || kind === name)
  .flatMap((name) => readdirSync(path.join(out, "tests", name)).filter((file) => file.endsWith(".test.js")).map((file) => path.join(out, "tests", name, file)));
// One browser at a time: what is measured would disturb each other.
run(process.execPath, ["--test", "--test-force-exit", "--test-concurrency=1", "--test-reporter=spec", ...files]);
