import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, count, inUnit, seconds, share, short, tick } from "../dist/test/format.mjs";

test("times are shown with three digits in the unit that fits", () => {
  const cases = [[0, "0 s"], [5e-8, "50 ns"], [1.234e-6, "1.23 µs"], [0.000123456, "123 µs"], [0.0123, "12.3 ms"],
    [0.9999, "1.00 s"], [59.94, "59.9 s"], [61, "1m01s"], [3725, "1h02m"], [null, "–"]];
  for (const [value, text] of cases) assert.equal(seconds(value), text);
});

test("counts, sizes and short numbers", () => {
  assert.equal(count(1234567), "1,234,567");
  assert.equal(count(12), "12");
  assert.equal(bytes(512), "512 B");
  assert.equal(bytes(10.5 * 1024 * 1024), "10.5 MiB");
  assert.equal(short(12345), "12.3k");
  assert.equal(short(9999), "9999");
  assert.equal(short(null), "–");
});

test("a threshold's value is shown in its unit, and its absence said", () => {
  assert.equal(inUnit(0.0018, "s"), "1.80 ms");
  assert.equal(inUnit(0.015, "share"), "1.50 %");
  assert.equal(inUnit(null, "s"), "no data");
});

test("an axis has no needless zeros", () => {
  const cases = [[2, "s", "2 s"], [0.0125, "s", "12.5 ms"], [0, "s", "0 s"], [60, "s", "1m"], [90, "s", "1m30s"],
    [7200, "s", "2h"], [67108864, "bytes", "64 MiB"], [1536, "B/s", "1.5 KiB/s"], [100, "rps", "100/s"],
    [20000, "rps", "20k/s"], [40, "%", "40 %"], [0.5, "", "0.5"], [null, "s", ""]];
  for (const [value, unit, text] of cases) assert.equal(tick(value, unit), text);
});

test("a share that is not none never reads as none", () => {
  assert.equal(share(0, 9000), "0 %");
  assert.equal(share(1, 1000000), "< 0.01 %");
  assert.equal(share(999999, 1000000), "> 99.99 %");
  assert.equal(share(123, 1000), "12.3 %");
  assert.equal(share(5, 5), "100 %");
  assert.equal(share(0, 0), "–");
});
