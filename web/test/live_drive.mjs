// Does in a real browser what a person does on the live page, told line by line on stdin:
// a JSON object {"do", …} a line; each is answered by one line, {"ok": …} or {"error": …}.
// tests/process/live_page_test.py says what, beside the real API.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const axe = await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const context = await browser.newContext({ viewport: { width: 1100, height: 900 } });
const tabs = [];
const errors = [];
const kWait = { timeout: 15000 };
const main = (tab) => tabs[tab ?? 0].locator("main");

const words = {
  async open({ url }) {
    const page = await context.newPage();
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !/Failed to load resource/.test(message.text())) errors.push(message.text());
    });
    page.on("dialog", (dialog) => { errors.push(`dialog ${dialog.message()}`); void dialog.dismiss(); });
    tabs.push(page);
    await page.goto(url);
    return tabs.length - 1;
  },
  go: ({ tab, hash }) => tabs[tab ?? 0].evaluate((to) => { location.hash = to; }, hash),
  reload: ({ tab }) => tabs[tab ?? 0].reload(),
  hash: ({ tab }) => tabs[tab ?? 0].evaluate(() => location.hash),
  async text({ tab, has }) {
    await tabs[tab ?? 0].waitForFunction((part) => document.body.innerText.includes(part), has, kWait);
  },
  body: ({ tab }) => tabs[tab ?? 0].evaluate(() => document.body.innerText),
  said: async ({ tab, has }) => {
    await tabs[tab ?? 0].waitForFunction((part) => document.getElementById("said").textContent.includes(part), has, kWait);
  },
  async badge({ tab, has }) {
    const begun = Date.now();
    await tabs[tab ?? 0].waitForFunction((part) => document.getElementById("badge").textContent.startsWith(part), has, { timeout: 40000 });
    return (Date.now() - begun) / 1000;
  },
  press: ({ tab, name, exact }) => tabs[tab ?? 0].getByRole("button", { name, exact: exact ?? true }).first().click(kWait),
  data: ({ tab, name }) => main(tab).getByText(name, { exact: true }).click(kWait),
  follow: ({ tab, name }) => main(tab).getByRole("link", { name, exact: true }).first().click(kWait),
  fill: ({ tab, label, text }) => tabs[tab ?? 0].getByLabel(label).first().fill(text, kWait),
  value: ({ tab, label }) => tabs[tab ?? 0].getByLabel(label).first().inputValue(kWait),
  choose: ({ tab, label, value }) => tabs[tab ?? 0].getByLabel(label).selectOption(value, kWait),
  // Tab until what has the focus is called so: as somebody does who has no mouse.
  async keys({ tab, name }) {
    for (let i = 0; i < 60; i++) {
      await tabs[tab ?? 0].keyboard.press("Tab");
      const here = await tabs[tab ?? 0].evaluate(() => document.activeElement?.textContent ?? "");
      if (here === name) { await tabs[tab ?? 0].keyboard.press("Enter"); return i; }
    }
    throw new Error(`no way to ${name} by the keyboard`);
  },
  drawn: ({ tab }) => tabs[tab ?? 0].$$eval("canvas", (all) => all.filter((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const pixels = new Uint32Array(data.buffer);
    return pixels.some((pixel) => pixel !== pixels[0]);
  }).length),
  async count({ tab, css }) { return tabs[tab ?? 0].locator(css).count(); },
  async look({ tab, scheme, width, shot }) {
    const page = tabs[tab ?? 0];
    await page.emulateMedia({ colorScheme: scheme ?? "light" });
    await page.setViewportSize({ width: width ?? 1100, height: 900 });
    await page.waitForTimeout(200);
    if (process.env.SHOTS && shot) await page.screenshot({ path: `${process.env.SHOTS}/${shot}.png`, fullPage: true });
    return page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
  },
  async axe({ tab }) {
    const page = tabs[tab ?? 0];
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    return violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  },
  // Headless pages are never hidden, so the page is told that it is.
  hide: ({ tab, hidden }) => tabs[tab ?? 0].evaluate((is) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => is });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden),
  // The next answers to …/live come only so many ms after they were made: what is heard meanwhile is newer.
  slow: ({ tab, ms }) => tabs[tab ?? 0].route("**/live", async (route) => {
    const response = await route.fetch();
    await new Promise((go) => setTimeout(go, ms));
    await route.fulfill({ response });
  }),
  errors: () => errors.splice(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try { answer = { ok: (await words[asked.do](asked)) ?? null }; } catch (error) { answer = { error: String(error).slice(0, 600) }; }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
