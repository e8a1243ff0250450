// The live page's own parts, without a browser: its stream, its points, its size and its colours.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { Newest, Reader, wait } from "../dist/test/live/feed.mjs";
import { columns, Points } from "../dist/test/live/points.mjs";

const file = (name) => readFile(new URL(name, import.meta.url));

async function pack() {
  const bytes = await file("../dist/live.pack");
  const line = bytes.indexOf("\n");
  let at = line + 1;
  return JSON.parse(bytes.subarray(0, line)).map((one) => {
    const contents = bytes.subarray(at, at += one.bytes);
    return { path: one.path, text: contents.toString(), size: gzipSync(contents).length };
  });
}

test("the first view is at most 120 KB gzipped, all of it 300 KB, and names have hashes", async () => {
  const files = await pack();
  const page = files.find(({ path }) => path === "index.html").text;
  const all = files.reduce((sum, { size }) => sum + size, 0);
  // What the page names, and the scripts that these import without being asked.
  const first = new Set(["index.html", ...[...page.matchAll(/assets\/[\w.-]+/g)].map(([name]) => name)]);
  for (const name of first) {
    const { text } = files.find(({ path }) => path === name);
    for (const [, other] of text.matchAll(/(?:from|import)"\.\/([\w.-]+)"/g)) first.add(`assets/${other}`);
  }
  const seen = files.filter(({ path }) => first.has(path)).reduce((sum, { size }) => sum + size, 0);
  assert.ok(seen <= 120e3, `${seen} bytes`);
  assert.ok(all <= 300e3, `${all} bytes`);
  assert.ok(![...first].some((name) => /editor|run-/.test(name)), "the editor is in the first view");
  for (const { path } of files.slice(1)) assert.match(path, /^assets\/\w+-[A-Z0-9]{8}\.(js|css)$/);
  assert.ok(!/(src|href)="\//.test(page), "an address begins with /");
});

test("an event that comes in pieces is heard once, comments never", () => {
  const heard = [];
  const reader = new Reader((...all) => heard.push(all));
  for (const part of ["retry: 1000\n\n:", "\n\nid: a-1\nev", "ent: live\ndata: {\"x\"", ": 1}\n", "\nid: a-2\nevent: gap\ndata: {}\n\n"]) reader.take(part);
  assert.deepEqual(heard, [["a-1", "live", '{"x": 1}'], ["a-2", "gap", "{}"]]);
});

test("a lost stream is tried again after 1 to 30 s, not by all at once", () => {
  for (let tries = 0; tries < 20; tries++) {
    for (const chance of [0, 0.5, 0.999]) assert.ok(wait(tries, chance) >= 1000 && wait(tries, chance) <= 30000);
  }
  assert.notEqual(wait(5, 0.1), wait(5, 0.9));
});

test("a snapshot holds the newest only, and a million ticks are one", () => {
  const newest = new Newest();
  for (let n = 0; n < 1e6; n++) newest.take("live", { id: "a", n });
  for (let i = 0; i < 600; i++) newest.take("experiment", { id: `e${i}` });
  assert.deepEqual(newest.snapshot().live, [{ id: "a", n: 999999 }]);
  assert.equal(newest.snapshot().experiments.length, 500);
  newest.take("reset", {});
  assert.deepEqual(newest.snapshot(), { experiments: [], live: [] });
});

const point = (t, every_s = 1, n = t) => ({ id: "a", claim: 1, n, t, every_s });

test("a point that comes twice is one; out of order they are put in order", () => {
  const points = new Points({ points: [point(1), point(2)], points_10: [], points_60: [], events: [], state: null });
  assert.ok(!points.add(point(2)));
  assert.ok(points.add(point(4)));
  assert.ok(points.add(point(3)));
  assert.deepEqual(points.best().points.map((each) => each.t), [1, 2, 3, 4]);
});

test("a million seconds leave a bounded number of points, and the coarse ones show all that is kept", () => {
  const points = new Points();
  for (let t = 1; t <= 1e6; t++) {
    points.add(point(t));
    if (t % 10 === 0) points.add(point(t, 10));
    if (t % 60 === 0) points.add(point(t, 60));
  }
  const { every, points: best } = points.best();
  assert.equal(every, 60);
  assert.equal(best.length, 10080);
});

test("a gap in the points is a gap in the line, and times are the server's since the start", () => {
  const { x, values } = columns([point(101), point(102), point(110)], 1, 100, [(one) => one.n]);
  assert.deepEqual(x, [1, 2, 3, 10]);
  assert.deepEqual(values, [[101, 102, null, 110]]);
});

function luminance(colour) {
  const full = colour.length === 4 ? colour.replace(/[0-9a-f]/gi, "$&$&") : colour;
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(full.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const contrast = (a, b) => {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
};

test("each series can be told from what is behind it, 3:1, and each text 4.5:1, light and dark", async () => {
  const style = (await file("../src/style.css")).toString();
  const [light, dark] = [...style.matchAll(/:root[^{]*\{([^}]*)\}/g)].slice(0, 2)
    .map(([, body]) => Object.fromEntries([...body.matchAll(/--([\w-]+): (#[0-9a-f]{3,6});/g)].map(([, name, value]) => [name, value])));
  for (const theme of [light, dark]) {
    for (const name of ["p50", "p90", "p99", "max", ...Array.from({ length: 8 }, (_, i) => `line${i}`)]) {
      assert.ok(contrast(theme[name], theme.back) >= 3, `${name} ${theme[name]} on ${theme.back}: ${contrast(theme[name], theme.back)}`);
    }
    for (const name of ["text", "soft", "good", "doubt", "bad"]) {
      assert.ok(contrast(theme[name], theme.back) >= 4.5, `${name} on ${theme.back}: ${contrast(theme[name], theme.back)}`);
    }
  }
});
