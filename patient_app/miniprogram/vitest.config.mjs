/** The unit tests, run as each of the two targets: the same conditions in the sources hold as in the builds. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { defineConfig } from "vitest/config";

const { initPreContext, preJs } = createRequire(import.meta.url)("@dcloudio/uni-cli-shared");
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const target = process.env.TARGET === "mp-weixin" ? "mp-weixin" : "h5";
const SCREENS = ["/visits/appointment/appointment", "/visits/queue/queue", "/visits/stop/stop", "/money/pay/pay"];

/** Leave out what the other target has between `#ifdef` and `#endif`, by uni-app's own hand. */
function conditions() {
  initPreContext(target);
  return {
    name: "hospital:conditions",
    enforce: "pre",
    transform: (code, id) => (/\/src\/.*\.ts$/.test(id) ? { code: preJs(code, id), map: null } : null),
  };
}

export default defineConfig({
  plugins: [conditions()],
  define: { SCREENS: JSON.stringify(SCREENS), "import.meta.env.TARGET": JSON.stringify(target) },
  resolve: {
    alias: { "@dcloudio/uni-app": here("./tests/device/page.ts"), "@": here("./src") },
  },
  test: {
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/device/start.ts"],
    unstubGlobals: false,
    restoreMocks: true,
    pool: "threads",
    poolOptions: { threads: { maxThreads: 2, minThreads: 1 } },
    reporters: ["basic"],
  },
});
