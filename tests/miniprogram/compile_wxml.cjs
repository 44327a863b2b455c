/** Compiles pages with WeChat's own compiler, and names those for which it made a way to draw them. */
const { wxmlToJs } = require("miniprogram-compiler");

// Its code is written for WeChat's own window.
globalThis.window = globalThis;

const [root, ...pages] = process.argv.slice(2);
const draw = new Function(wxmlToJs(root, { wxmlList: pages, maxBuffer: 64 << 20 }))();
console.log(pages.filter((page) => typeof draw(page) === "function").join("\n"));
