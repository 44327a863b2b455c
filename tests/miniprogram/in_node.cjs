/**
 * Runs the compiled mini-program in Node on miniprogram-simulate, and does what it is told, line by line.
 *
 * Each line of the input is `[command, ...values]` as JSON; each is answered by one line, `{"value": ...}` or
 * `{"error": "..."}`. Usage: node in_node.cjs FOLDER ORIGIN LANGUAGE
 */
const readline = require("node:readline");
const path = require("node:path");
const { makePhone } = require("./wechat.cjs");

const [root, origin, language] = process.argv.slice(2);
const pages = require(path.join(root, "app.json")).tabBar.list.map((tab) => tab.pagePath);

// The framework draws without a DOM where there is none; what stands around it asks for these few things of one.
globalThis.window = globalThis;
const exparser = require("miniprogram-exparser");
const bare = () => ({ appendChild: () => undefined, addEventListener: () => undefined, removeChild: () => undefined });
globalThis.document = {
  createElement: bare,
  createDocumentFragment: bare,
  getElementsByTagName: () => [],
  querySelectorAll: () => [],
};
const simulate = require("miniprogram-simulate");

const loaded = new Map();

function loadPage(route) {
  const options = { rootPath: root, compiler: "official", compilerOptions: { maxBuffer: 64 << 20 } };
  if (!loaded.has(route)) {
    loaded.set(route, simulate.load(path.join(root, route), options));
  }
  const drawn = simulate.render(loaded.get(route));
  return {
    drawn,
    instance: drawn.instance,
    put: () => drawn.parentNode ?? drawn.attach(bare()),
    take: () => undefined,
    end() {
      drawn.detach();
      this.isGone = true;
    },
  };
}

const phone = makePhone({ origin, tabs: pages, loadPage, language });
for (const kind of ["error", "warn"]) {
  const usual = console[kind];
  console[kind] = (...words) => {
    phone.complain(`console.${kind}: ${words.map((word) => (word && word.stack) || String(word)).join(" ")}`);
    usual(...words);
  };
}
// What is printed is the answer to a command and nothing else.
console.log = console.error;
process.on("uncaughtException", phone.complain);
process.on("unhandledRejection", phone.complain);
exparser.addGlobalErrorListener?.(phone.complain);

let app = null;
Object.assign(globalThis, {
  wx: phone.wx,
  App: (options) => (app = options),
  Page: () => phone.complain("a page that is no component"),
  getApp: () => app,
  getCurrentPages: phone.getCurrentPages,
});

/** Everything on the screen, as it lies within one another: slots hold what was put into them. */
function* parts(node) {
  yield node;
  for (const child of node.__wxSlotChildren ?? []) {
    yield* parts(child);
  }
}

function text(node) {
  return node.textContent !== undefined && !node.__wxSlotChildren?.length
    ? String(node.textContent)
    : (node.__wxSlotChildren ?? []).map(text).join(node.is === "text" ? "" : " ");
}

const words = (node) => text(node).replace(/\s+/g, " ").trim();
const shown = () => [...parts(phone.top().drawn._exparserNode)];
const named = (name) => shown().filter((node) => node.dataset?.testid === name);

/** A part by its name, and by its place among those of the name or by words on it. */
function one(name, which = 0) {
  const all = named(name);
  const found = typeof which === "string" ? all.find((node) => words(node).includes(which)) : all[which];
  if (!found) {
    throw new Error(`${name} is not on ${phone.top().route}: ${words(phone.top().drawn._exparserNode)}`);
  }
  return found;
}

function dispatch(node, kind, detail = {}) {
  // WeChat's own tap climbs through everything around; what a component or a field tells stays with it.
  const climbs = kind === "tap";
  const event = exparser.Event.create(kind, detail, { bubbles: climbs, composed: climbs, capturePhase: true });
  exparser.Event.dispatchEvent(node, event);
}

const commands = {
  launch(url) {
    require(path.join(root, "app.js"));
    phone.launch(app, url);
  },
  open: phone.reopen,
  back: phone.back,
  pull: phone.pull,
  comeBack: phone.comeBack,
  network: phone.network,
  answer: phone.answer,
  seen: phone.seen,
  text: (name, which) => (name ? words(one(name, which)) : words(phone.top().drawn._exparserNode)),
  texts: (name) => named(name).map(words),
  data: (name, which) => ({ ...one(name, which).dataset }),
  /** The classes of the screen's frame: its colours, and whether it is for elders. */
  look() {
    const frame = shown().find((node) => node.dataset?.status);
    return [frame._vt.attrs.find((attribute) => attribute.name === "class").value].flat().join(" ").split(" ");
  },
  stored: (name) => JSON.parse(phone.wx.getStorageSync(name)),
  /** How the screen stands: what its frame says. */
  status: () => shown().find((node) => node.dataset?.status)?.dataset.status ?? "",
  tap: (name, which) => dispatch(one(name, which), "tap"),
  event: (name, kind, detail) => dispatch(one(name), kind, detail),
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [command, ...values] = JSON.parse(line);
  let answer;
  try {
    answer = { value: commands[command](...values) ?? null };
  } catch (error) {
    answer = { error: String((error && error.stack) || error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}).on("close", () => process.exit(0));
