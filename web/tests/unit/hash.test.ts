import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "../../src/view/hash.ts";
import { START, type View } from "../../src/view/view.ts";

test("the view at the start needs no link", () => {
  assert.equal(encode(START), "");
  assert.deepEqual(decode(""), START);
  assert.deepEqual(decode("#"), START);
});

test("a link holds the whole view", () => {
  const view: View = {
    camera: { zoom: 13.25, lat: -24.20001, lon: -69.1 },
    tab: "predictions",
    site: "mine & sons/1",
    before: "2021-04-22-0a1b2c3d",
    after: "2024-07-11-deadbeef",
    compare: false,
    divider: 12.5,
    picture: "ndvi",
    pictureOpacity: 40,
    overlay: "change",
    overlayOpacity: 0,
    outlines: ["permit"],
    query: "río pardo, gold",
    verdicts: ["exceeded", "unseen"],
    order: "used",
    prediction: "box #1",
  };
  assert.deepEqual(decode(`#${encode(view)}`), view);
});

test("no outlines at all is not the same as all of them", () => {
  assert.equal(encode({ ...START, outlines: [] }), "outlines=none");
  assert.deepEqual(decode("outlines=none").outlines, []);
});

test("what is not understood is as at the start", () => {
  const broken = "map=99/0/0&tab=x&picture=sepia&picture-opacity=400&overlay=&divider=abc&verdicts=good,exceeded&order=size&outlines=moat";
  const view = decode(broken);
  assert.deepEqual(view, { ...START, verdicts: ["exceeded"], outlines: [] });
  for (const camera of ["1/2", "1/2/3/4", "//", "a/b/c", "3/91/0"]) assert.equal(decode(`map=${camera}`).camera, null);
});

test("links stay readable", () => {
  const view: View = { ...START, camera: { zoom: 5, lat: 1, lon: 2 }, verdicts: ["exceeded", "within"] };
  assert.equal(encode(view), "map=5.00/1.00000/2.00000&verdicts=exceeded,within");
});
