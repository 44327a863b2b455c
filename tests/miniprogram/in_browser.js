/**
 * Runs the compiled mini-program in a browser, on WeChat's component framework (exparser) with a real screen.
 *
 * `pack.cjs` puts it into one page. A test taps what it sees and reads `window.phone`.
 */
const jComponent = require("j-component");
const exparser = require("miniprogram-exparser");
const { makePhone } = require("./wechat.cjs");

const { scripts, settings, templates } = window.PACKED;
const tabs = settings.app.tabBar.list.map((tab) => tab.pagePath);
const [header, screen, bar] = ["header", "main", "nav"].map((name) => document.querySelector(name));

// --- WeChat's own elements

for (const name of ["view", "text", "image", "scroll-view", "picker"]) {
  jComponent.register({ id: name, tagName: `wx-${name}`, template: "<slot/>" });
}

function field(name) {
  const given = { value: "", placeholder: "", maxlength: 140, type: "text" };
  jComponent.register({
    id: name,
    tagName: `wx-${name}`,
    template: "<slot/>",
    properties: Object.fromEntries(
      Object.entries(given).map(([one, value]) => [one, { type: value.constructor, value, observer: "dress" }]),
    ),
    attached() {
      const box = document.createElement(name);
      this._exparserNode.$$.appendChild(box);
      this.box = box;
      const tell = (kind) => this.triggerEvent(kind, { value: box.value, cursor: box.value.length });
      box.addEventListener("input", () => tell("input"));
      box.addEventListener("keydown", ({ key }) => key === "Enter" && tell("confirm"));
      this.dress();
    },
    methods: {
      dress() {
        if (this.box && this.box.value !== String(this.data.value ?? "")) {
          this.box.value = this.data.value ?? "";
        }
        if (this.box) {
          this.box.placeholder = this.data.placeholder;
          this.box.maxLength = this.data.maxlength;
          this.box.inputMode = this.data.type === "number" ? "numeric" : "text";
        }
      },
    },
  });
}
field("input");
field("textarea");

jComponent.register({
  id: "button",
  tagName: "wx-button",
  template: "<slot/>",
  properties: { openType: String, disabled: Boolean },
  attached() {
    this._exparserNode.addListener("tap", () => {
      if (this.data.openType === "getPhoneNumber") {
        const refused = { errMsg: "getPhoneNumber:fail user deny" };
        this.triggerEvent("getphonenumber", phone.state.willAnswer.getPhoneNumber ?? refused);
      }
    });
  },
});

// --- the compiled files

// What templates and scripts are written for: the age of the screen, and `global`.
Object.assign(window, { __webview_engine_version__: 0.02, global: window });
const templateOf = new Function(templates)();
const modules = new Map();
const ids = new Map();
let registering = null;

const resolved = (from, to) => new URL(to, `http://x/${from}`).pathname.slice(1).replace(/\.js$/, "");

function run(name) {
  if (!modules.has(name)) {
    const module = { exports: {} };
    modules.set(name, module);
    const inside = (to) => run(resolved(name, to));
    new Function("require", "module", "exports", scripts[name])(inside, module, module.exports);
  }
  return modules.get(name).exports;
}

/** WeChat takes classes as a list too; this drawing of its framework takes words. */
function drawn(name) {
  const draw = templateOf(`${name}.wxml`);
  const inWords = (node) => {
    if (node && typeof node === "object") {
      if (Array.isArray(node.attr?.class)) {
        node.attr.class = node.attr.class.flat(3).filter(Boolean).join(" ");
      }
      node.children?.forEach(inWords);
    }
    return node;
  };
  return (data) => inWords(draw(data));
}

function component(name) {
  if (!ids.has(name)) {
    ids.set(name, name.replaceAll("/", "-").toLowerCase());
    const parts = Object.entries(settings[name].usingComponents ?? {});
    const using = Object.fromEntries(parts.map(([tag, at]) => [tag, component(resolved(name, at))]));
    registering = { name, using };
    run(name);
  }
  return ids.get(name);
}

window.Component = (options) => {
  const { name, using } = registering;
  jComponent.register({
    ...options,
    id: ids.get(name),
    path: name,
    tagName: name.split("/").pop().toLowerCase(),
    template: drawn(name),
    usingComponents: using,
    options: { ...options.options, classPrefix: "" },
  });
};

function loadPage(route) {
  // The page lies within one more element, to which the framework listens for touches.
  const usingComponents = { it: component(route) };
  const root = jComponent.create(jComponent.register({ tagName: "one-page", template: "<it/>", usingComponents }));
  return {
    instance: exparser.Element.getMethodCaller(root._exparserNode.shadowRoot.childNodes[0]),
    put() {
      if (!root.parentNode) {
        root.attach(screen);
      }
      root.dom.hidden = false;
      dressBars(route);
    },
    take: () => (root.dom.hidden = true),
    end() {
      root.detach();
      this.isGone = true;
    },
  };
}

const phone = makePhone({
  origin: location.origin,
  tabs,
  loadPage,
  language: new URLSearchParams(location.search).get("language") ?? "zh_CN",
  askNetwork: (...asked) => fetch(...asked),
});
Object.assign(phone.state.willAnswer, window.ANSWERS);
exparser.addGlobalErrorListener?.((error) => phone.complain(error));

/** WeChat's bars: the title above, and below a tab's screen the words that the app gave to each. */
function dressBars(route) {
  screen.scrollTop = 0;
  bar.replaceChildren(
    ...(tabs.includes(route) ? tabs : []).map((tab, index) => {
      const button = document.createElement("button");
      button.textContent = phone.state.tabTexts[index] ?? "";
      button.addEventListener("click", () => phone.wx.switchTab({ url: `/${tab}` }));
      return button;
    }),
  );
}
Object.defineProperty(phone.state, "title", {
  get: () => header.textContent,
  set: (title) => (header.textContent = title),
});

let app = null;
Object.assign(window, {
  phone,
  wx: phone.wx,
  App: (options) => (app = options),
  getApp: () => app,
  Page: () => phone.complain("a page that is no component"),
  getCurrentPages: phone.getCurrentPages,
});
run("app");
phone.launch(app, location.hash.slice(1) || tabs[0]);
