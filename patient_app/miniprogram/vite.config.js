const { defineConfig } = require("vite");
const uni = require("@dcloudio/vite-plugin-uni").default;
const { chunkOf } = require("./build/chunks");
const { compressed } = require("./build/compressed");
const { offline } = require("./build/offline");
const { ownAssets } = require("./build/own_assets");
const { virtualHosts } = require("./build/virtual_hosts");

const isForBrowsers = process.env.UNI_PLATFORM === "h5";
const pages = require("./src/pages.json");
// Which screens there are, so that a message leads to its subject's as soon as that is built.
const screens = [
  ...pages.pages.map((page) => `/${page.path}`),
  ...pages.subPackages.flatMap((part) => part.pages.map((page) => `/${part.root}/${page.path}`)),
];

module.exports = defineConfig({
  base: "./",
  define: { SCREENS: JSON.stringify(screens) },
  plugins: [ownAssets(), virtualHosts(screens), uni(), ...(isForBrowsers ? [offline(), compressed()] : [])],
  build: {
    // What the oldest phones that WeChat still supports can read.
    target: "es2015",
    sourcemap: false,
    reportCompressedSize: false,
    ...(isForBrowsers ? { rollupOptions: { output: { manualChunks: chunkOf } } } : {}),
  },
  server: {
    proxy: { "/app/": process.env.HOSPITAL_URL || "http://127.0.0.1:8000" },
  },
});
