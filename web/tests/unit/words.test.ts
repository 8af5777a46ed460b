import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser } from "../../src/api/events.ts";
import { Problem, problemOf, words } from "../../src/api/problem.ts";
import { boxArea_km2, change, hectares, interval, number, percent } from "../../src/format.ts";
import { checked } from "../../src/predict/request.ts";
import { fileName } from "../../src/site/file_name.ts";
import { speakIn } from "./catalogues.ts";

speakIn("en");

// As `text.rs` of the reports, but for ties: JavaScript rounds 3.25 to 3.3 and Rust to 3.2.
test("numbers have wide minus signs and no negative zero", () => {
  assert.equal(number(-3.25, 1), "−3.3");
  assert.equal(number(-0.04, 1), "0.0");
  assert.equal(number(Number.NaN, 1), "–");
  assert.equal(hectares(null), "–");
  assert.equal(percent(0.973), "97.3\u00a0%");
  assert.equal(interval({ ha: 2, lower_ha: 1, upper_ha: 3.04 }), "1.0 to 3.0");
  assert.equal(change(4.21, "+"), "+4.2\u00a0ha");
  assert.equal(change(0.01, "−"), "0.0\u00a0ha");
  assert.equal(change(null, "+"), "–");
  assert.equal(change(0, "+", 9.3, 26), "+9.3\u00a0ha seen, below the noise of 26.0\u00a0ha");
  assert.equal(change(0, "−", 0, 26), "0.0\u00a0ha");
  assert.equal(number(1234567, 0), "1,234,567");
});

test("a box of one degree at the equator has 12 364 km²", () => {
  // python3 -c "import math; r=6371.0088; print(r*r*math.radians(1)*math.sin(math.radians(1)))" -> 12363.68...
  assert.ok(Math.abs(boxArea_km2([0, 0, 1, 1]) - 12363.7) < 0.1);
});

test("problems are told in the words of the server", () => {
  const problem = problemOf(422, "Unprocessable Content", { title: "Unprocessable", detail: "the box is too large", request_id: "r1" });
  assert.equal(words(problem), "The box is too large");
  assert.equal(problem.requestId, "r1");
  assert.equal(words(problemOf(502, "Bad Gateway", null)), "Bad Gateway");
  assert.equal(words(problemOf(500, "", "text")), "The server answered with status 500");
  assert.match(words(new TypeError("Failed to fetch")), /cannot be reached/);
  assert.equal(words(new Problem(404, "gone")), "Gone");
});

test("events are read wherever the stream is cut", () => {
  const stream = ': hello\r\nevent: job\r\ndata: {"a":1}\r\n\r\ndata: x\ndata: y\n\nevent: job\n\n';
  const whole = [
    { event: "job", data: '{"a":1}' },
    { event: "message", data: "x\ny" },
  ];
  for (const step of [1, 2, 3, 7, stream.length]) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < stream.length; at += step) events.push(...parser.push(stream.slice(at, at + step)));
    assert.deepEqual(events, whole, `cut every ${step}`);
  }
});

test("a request is checked before it is sent", () => {
  const good = { west: "-76.4", south: "44.6", east: "-76.2", north: "44.8", from: "2024-06-01", to: "2024-07-31", maxCloud: "" };
  assert.deepEqual(checked(good), { request: { bbox: [-76.4, 44.6, -76.2, 44.8], from: "2024-06-01", to: "2024-07-31" } });
  const bad = checked({ ...good, west: "", north: "44.5", to: "2024-05-01", maxCloud: "120" });
  assert.deepEqual(Object.keys("errors" in bad ? bad.errors : {}).sort(), ["maxCloud", "north", "to", "west"]);
});

test("the server's name for a file is used", () => {
  assert.equal(fileName('attachment; filename="a-b.zip"'), "a-b.zip");
  assert.equal(fileName("attachment; filename*=UTF-8''r%C3%ADo.zip"), "río.zip");
  assert.equal(fileName(null), null);
});
