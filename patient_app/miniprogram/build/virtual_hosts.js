/**
 * Lets WeChat draw our components without an element of their own around them, as browsers do.
 *
 * WeChat puts an inline element around each component, unless the component says otherwise; a row of buttons is then a
 * row of those, and a button in it as narrow as its word. What is asked for in manifest.json
 * (`mergeVirtualHostAttributes`) passes classes and styles on to what is within.
 */
const path = require("node:path");

const SOURCES = path.resolve(__dirname, "../src");
const PAGES = new Set();

function virtualHosts(pages) {
  pages.forEach((page) => PAGES.add(path.join(SOURCES, `${page}.vue`)));
  return {
    name: "hospital:virtual-hosts",
    enforce: "pre",
    transform(code, id) {
      const isOurs = process.env.UNI_PLATFORM === "mp-weixin" && id.startsWith(SOURCES) && id.endsWith(".vue");
      if (!isOurs || PAGES.has(id) || id.endsWith("App.vue")) {
        return null;
      }
      return code.replace(/<script setup[^>]*>/, "$& defineOptions({ options: { virtualHost: true } });");
    },
  };
}

module.exports = { virtualHosts };
