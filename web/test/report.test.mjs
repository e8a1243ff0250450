// Reports opened in a real browser: the charts are drawn, nothing is asked of the network, and the
// console stays silent. REPORT=path opens that report as well; SHOTS=folder keeps pictures.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { sample } from "./samples.mjs";

let browser, folder, template;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "galileo-report-"));
  template = await readFile(new URL("../dist/report.html", import.meta.url), "utf8");
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
});

after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

// As the program does it.
async function report(document) {
  const json = JSON.stringify(document).replaceAll("<", "\\u003c");
  const path = join(folder, `${Math.random()}.html`);
  await writeFile(path, template.replace("__GALILEO_RESULT__", () => json));
  return path;
}

async function open(path, name, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 }, ...options });
  const seen = { errors: [], requests: [] };
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) seen.errors.push(message.text()); });
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("request", (request) => { if (!/^(file|data):/.test(request.url())) seen.requests.push(request.url()); });
  await page.goto(`file://${path}`);
  await page.waitForSelector("footer", { timeout: 20000 });
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });
  return { page, ...seen };
}

// Canvases that hold something beside one colour.
const drawn = (page) => page.$$eval("canvas", (all) => all.filter((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const pixels = new Uint32Array(data.buffer);
  return pixels.some((pixel) => pixel !== pixels[0]);
}).length);

async function assertSound(path, name, charts, options) {
  assert.ok((await stat(path)).size <= 2 * 1024 * 1024, "the report is larger than 2 MiB");
  const { page, errors, requests } = await open(path, name, options);
  assert.deepEqual(errors, []);
  assert.deepEqual(requests, []);
  assert.ok((await drawn(page)) >= charts, `${await drawn(page)} charts are drawn`);
  return page;
}

test("an ordinary run: every chart is drawn, and names are text, never markup", async () => {
  const page = await assertSound(await report(sample()), "ordinary", 10);
  assert.equal(await page.textContent("h1"), "hello </script> & <b>");
  assert.equal(await page.textContent(".word"), "VALID");
});

test("dark and narrow pages are drawn too", async () => {
  await assertSound(await report(sample()), "dark", 10, { colorScheme: "dark" });
  const page = await assertSound(await report(sample()), "narrow", 10, { viewport: { width: 380, height: 800 } });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it scrolls sideways");
});

test("zooming one chart zooms all, the logarithmic switch redraws", async () => {
  const page = await assertSound(await report(sample()), "zoomed", 10);
  const over = (await page.$$(".u-over"))[1];
  const box = await over.boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.check("#log");
  assert.ok((await drawn(page)) >= 10);
});

test("a run in which nothing was answered says so and draws what there is", async () => {
  const page = await assertSound(await report(sample({ failing: true })), "failing", 8);
  assert.equal(await page.textContent(".word"), "SUSPECT");
  assert.match(await page.textContent("main"), /too few answers/);
});

test("a run without a single request opens as well", async () => {
  const page = await assertSound(await report(sample({ buckets: 0 })), "empty", 0);
  assert.match(await page.textContent("main"), /No request was recorded/);
});

test("ten hours with six nodes stay within 2 MiB", async () => {
  await assertSound(await report(sample({ buckets: 600, width: 60, lines: 6 })), "long", 10);
});

if (process.env.REPORT) {
  test("a report that the program wrote", async () => {
    await assertSound(process.env.REPORT, "real", 10);
  });
}
