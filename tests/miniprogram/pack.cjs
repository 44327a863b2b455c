/**
 * Packs the compiled mini-program with WeChat's component framework into one page for a browser.
 *
 * Usage: node pack.cjs FOLDER OUT. OUT is a file of HTML; a server's origin is the one that it is opened from.
 */
const fs = require("node:fs");
const path = require("node:path");
const esbuild = require("esbuild");
const { wxmlToJs } = require("miniprogram-compiler");

const [root, out] = process.argv.slice(2);

function* filesBelow(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      yield* filesBelow(at);
    } else {
      yield at;
    }
  }
}

const text = (file) => fs.readFileSync(file, "utf8");
const all = [...filesBelow(root)].map((file) => [path.relative(root, file), file]);
const ofKind = (kind) =>
  all.filter(([name]) => name.endsWith(kind)).map(([name, file]) => [name.slice(0, -kind.length), text(file)]);

// One sheet is enough, the app's first: which component a rule is for stands in its classes.
const styles = ofKind(".wxss")
  .sort(([one], [other]) => (other === "app") - (one === "app"))
  .map(([, sheet]) => sheet.replace(/(^|[},])page(?=[,{])/g, "$1body"))
  .join("\n");

const program = esbuild.buildSync({
  entryPoints: [path.join(__dirname, "in_browser.js")],
  bundle: true,
  write: false,
  format: "iife",
  target: "chrome110",
  charset: "utf8",
  define: { global: "window" },
  nodePaths: [process.env.NODE_PATH],
}).outputFiles[0].text;

const packed = {
  scripts: Object.fromEntries(ofKind(".js")),
  settings: Object.fromEntries(ofKind(".json").map(([name, json]) => [name, JSON.parse(json)])),
  templates: wxmlToJs(root, { maxBuffer: 64 << 20 }),
};
const inScript = (code) => code.replaceAll("</script", "<\\/script");
const sheet = text(path.join(__dirname, "elements.css")) + styles;
fs.writeFileSync(
  out,
  `<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>互联网医院</title><link rel="icon" href="data:,">
<style>${sheet}</style></head><body><header></header><main></main><nav></nav>
<script>window.PACKED = ${inScript(JSON.stringify(packed))}</script>
<script>${inScript(program)}</script></body></html>`,
);
