// Reports opened in a real browser: the charts are drawn, nothing is asked of the network, and the
// console stays silent. REPORT=path opens that report as well; SHOTS=folder keeps pictures.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { cluster, sample } from "./samples.mjs";

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
  const noted = { errors: [], requests: [] };
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) noted.errors.push(message.text());
  });
  page.on("pageerror", (error) => noted.errors.push(String(error)));
  page.on("request", (request) => { if (!/^(file|data):/.test(request.url())) noted.requests.push(request.url()); });
  await page.goto(`file://${path}`);
  await page.waitForSelector("footer", { timeout: 20000 });
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });
  return { page, ...noted };
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

// What part of the time each chart shows, once a zoom has settled.
const views = (page) => page.$$eval(".uplot[data-view]", (all) => all.map((chart) => chart.dataset.view));
const seen = (page) => page.textContent("main");

test("an ordinary run: every chart is drawn, and names are text, never markup", async () => {
  const page = await assertSound(await report(sample()), "ordinary", 16);
  assert.equal(await page.textContent("h1"), "hello </script> & <b>");
  assert.equal(await page.textContent(".word"), "VALID");
  assert.match(await seen(page), /1 of 3 thresholds crossed/);
});

test("how many TLS handshakes were resumed is said, and whose certificates weren't looked at", async () => {
  const page = await assertSound(await report(sample()), "tls", 16);
  assert.match(await seen(page), /4,000 handshakes, 3,990 of them resumed; certificates verified/);
  const { page: other } = await open(await report(sample({ failing: true })), "unverified");
  assert.match(await seen(other), /certificates not verified in 10/);
});

test("dark and narrow pages are drawn too", async () => {
  await assertSound(await report(sample()), "dark", 16, { colorScheme: "dark" });
  const narrow = { viewport: { width: 380, height: 800 } };
  const page = await assertSound(await report(sample()), "narrow", 16, narrow);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it scrolls sideways");
});

test("zooming one chart zooms all, through a switch of the scale, until a double click", async () => {
  const page = await assertSound(await report(sample()), "zoomed", 16);
  const drag = async () => {
    const over = await page.$(".u-over");
    await over.scrollIntoViewIfNeeded();
    const box = await over.boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 5 });
    await page.mouse.up();
  };
  const whole = await views(page);
  assert.equal(new Set(whole).size, 1);
  await drag();
  const zoomed = await views(page);
  assert.equal(new Set(zoomed).size, 1);
  assert.notEqual(zoomed[0], whole[0]);
  const [from, to] = zoomed[0].split(" ").map(Number);
  assert.ok(Math.abs(from - 9) < 1 && Math.abs(to - 18) < 1, zoomed[0]);
  assert.match(await page.textContent("#looked"), /s to .* s/);
  await page.check("#log");
  assert.deepEqual(await views(page), zoomed);
  assert.ok((await drawn(page)) >= 16);
  await page.dblclick(".u-over");
  assert.deepEqual(await views(page), whole);
  await drag();
  await page.click("#all");
  assert.deepEqual(await views(page), whole);
  assert.equal(await page.isVisible("#all"), false);
});

test("the cursor says what is below it, in all charts at once", async () => {
  const page = await assertSound(await report(sample()), "cursor", 16);
  await (await page.$(".u-over")).hover();
  assert.match(await page.textContent(".tip"), /^at 15\.\d s.*p50 .* ms.*p99 .* ms.*max .* ms$/);
  const legends = await page.$$eval(".u-legend .u-series:first-child .u-value",
    (all) => all.map((one) => one.textContent));
  assert.ok(legends.filter((text) => text.startsWith("at 15")).length >= 14, legends.join("; "));
});

test("on paper the page is light and no wider than the sheet", async () => {
  const page = await assertSound(await report(sample()), "paper", 16, { colorScheme: "dark" });
  const pdf = await page.pdf({ path: process.env.SHOTS && join(process.env.SHOTS, "paper.pdf"), format: "A4" });
  assert.ok(pdf.length > 10000);
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  const wide = await page.$$eval("table, .uplot", (all) => all.filter((one) => one.offsetWidth > 700).length);
  assert.equal(wide, 0);
  const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await colour(), "rgb(255, 255, 255)");
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.notEqual(await colour(), "rgb(255, 255, 255)");
});

test("a run in which nothing was answered says so and draws what there is", async () => {
  const page = await assertSound(await report(sample({ failing: true })), "failing", 15);
  assert.equal(await page.textContent(".word"), "SUSPECT");
  assert.match(await seen(page), /No request was answered/);
  assert.match(await seen(page), /connect refused/);
});

test("a run without a single request opens as well, and says so", async () => {
  const page = await assertSound(await report(sample({ buckets: 0 })), "empty", 0);
  assert.match(await seen(page), /No request was recorded.*No telemetry was recorded/s);
});

test("a run on a cluster: pods by name, replicas, placement, weights, hops, and events as marks", async () => {
  const page = await assertSound(await report(cluster()), "cluster", 21);
  const text = await seen(page);
  for (const title of ["Replicas", "Placement: replicas of resnet by node", "Weights of resnet in zone-b", "CPU by pod (of one core)",
    "Memory by pod", "Hops of resnet through gw-a and gw-b"])
    assert.ok(text.includes(title), title);
  assert.ok(!/[a-f]{64}/.test(text), "64 hex digits are nobody's name");
  const rows = await page.$$eval("table", (all) => [...all].find((one) => one.textContent.startsWith("applicationnode")).innerText);
  assert.match(rows, /resnet\s+pi-2\s+zone-b\s+2\s+500\s+0.*–$/m, "what isn't known is no 0");
  assert.match(rows, /resnet\s+not known\s+–\s+–\s+0\s+12\s+–\s+–\s+–\s+–/);
  assert.match(text, /500 times would be negative: the machines' clocks differ/);
  assert.match(text, /resnet → client–––/);
  assert.match(text, /7 requests by further paths are left out/);
  assert.doesNotMatch(text, /changes of weights are left out/);
  assert.match(text, /a pod runs.*a pod ends, or something fails.*weights change/s);
  assert.equal(await page.$$eval("main b", (all) => all.length), 0, "a pod's name is text");
  await page.click("text=4 pods");
  await page.click("text=11 events");
  assert.match(await seen(page), /resnet-1resnetpi-2zone-b/);
});

test("the cursor tells the events that it is at", async () => {
  const page = await assertSound(await report(cluster()), "marks", 21);
  const over = await page.$(".u-over");
  await over.scrollIntoViewIfNeeded();
  const box = await over.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 60);
  assert.match(await page.textContent(".tip"), /container\/oom \{"name": "resnet-0"\}/);
  await page.mouse.move(box.x + box.width * 0.55, box.y + 60);
  assert.doesNotMatch(await page.textContent(".tip"), /container/);
});

test("a cluster's report is drawn dark and narrow, too", async () => {
  await assertSound(await report(cluster()), "cluster_dark", 21, { colorScheme: "dark" });
  const page = await assertSound(await report(cluster()), "cluster_narrow", 21, { viewport: { width: 380, height: 800 } });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it scrolls sideways");
});

test("ten hours stay within 2 MiB", async () => {
  await assertSound(await report(sample({ buckets: 600, width: 60 })), "ten_hours", 16);
});

if (process.env.REPORT) {
  test("a report that the program wrote", async () => {
    await assertSound(process.env.REPORT, "real", 10);
  });
}
