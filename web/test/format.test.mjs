import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, count, inUnit, seconds, short } from "../dist/test/format.mjs";

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
