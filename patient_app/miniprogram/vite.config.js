const { defineConfig } = require("vite");
const uni = require("@dcloudio/vite-plugin-uni").default;
const { ownAssets } = require("./build/own_assets");

module.exports = defineConfig({
  base: "./",
  plugins: [ownAssets(), uni()],
  build: {
    // What the oldest phones that WeChat still supports can read.
    target: "es2015",
    sourcemap: false,
    reportCompressedSize: false,
  },
  server: {
    proxy: { "/app/": process.env.HOSPITAL_URL || "http://127.0.0.1:8000" },
  },
});
