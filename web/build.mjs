// Bundles the page: dist/report.html holds everything, and a placeholder where the program puts the
// result document. dist/test/ holds the pure modules for the tests.
import { build } from "esbuild";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
await mkdir(join(dist, "test"), { recursive: true });

const bundled = await build({
  entryPoints: [join(here, "src/main.ts")],
  bundle: true, minify: true, format: "iife", target: "es2020", write: false, legalComments: "inline",
  outdir: dist, loader: { ".css": "css" },
});
const text = (suffix) => bundled.outputFiles.find((file) => file.path.endsWith(suffix)).text;
const page = await readFile(join(here, "src/page.html"), "utf8");
// Functions as replacements: a "$&" in the bundle must stay what it is.
const html = page
  .replace("/*STYLE*/", () => text(".css"))
  .replace("/*SCRIPT*/", () => text(".js").replaceAll("</script", "<\\/script"));
// A page that is the same stays untouched, or every program that holds it would be linked anew.
async function writeChanged(name, bytes) {
  const path = join(dist, name);
  const before = await readFile(path).catch(() => null);
  if (before && before.equals(bytes)) return;
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
}
await writeChanged("report.html", Buffer.from(html));

// The live page: names have their content's hash; what is loaded on demand lies in files of its own.
const live = { bundle: true, minify: true, format: "esm", target: "es2020", write: false, metafile: true,
  legalComments: "inline", outdir: join(dist, "live"), entryNames: "assets/[name]-[hash]", chunkNames: "assets/[name]-[hash]" };
const worker = await build({ ...live, entryPoints: { feed: join(here, "src/live/worker.ts") } });
const script = await build({ ...live, splitting: true, entryPoints: { live: join(here, "src/live/main.ts") },
  define: { FEED_WORKER: JSON.stringify(`./${basename(worker.outputFiles[0].path)}`) } });
const assets = [...worker.outputFiles, ...script.outputFiles]
  .map((file) => ({ path: relative(join(dist, "live"), file.path), contents: Buffer.from(file.contents) }))
  // The page links one style; esbuild makes another for the charts, which lies in the first too.
  .filter(({ path }) => !path.endsWith(".css") || /^assets\/live-/.test(path));
const asset = (pattern) => assets.find(({ path }) => pattern.test(path)).path;
const index = (await readFile(join(here, "src/live/index.html"), "utf8"))
  .replace("STYLE", asset(/^assets\/live-.*css$/)).replace("SCRIPT", asset(/^assets\/live-.*js$/));
// All in one: a line of JSON that names the files and their sizes, then their bytes.
// src/service/live_page.cc reads it.
const liveFiles = [{ path: "index.html", contents: Buffer.from(index) }, ...assets];
const names = liveFiles.map(({ path, contents }) => ({ path, bytes: contents.length }));
await writeChanged("live.pack", Buffer.concat([Buffer.from(`${JSON.stringify(names)}\n`),
  ...liveFiles.map(({ contents }) => contents)]));

await build({
  entryPoints: ["format", "data", "cluster", "live/feed", "live/points"].map((name) => join(here, `src/${name}.ts`)),
  outbase: join(here, "src"), bundle: true, format: "esm", outdir: join(dist, "test"), outExtension: { ".js": ".mjs" },
});
console.log(`dist/report.html: ${Math.round(html.length / 1024)} KiB`);
