/**
 * Puts a service worker beside the pages, `pages_worker.js` with the names of this build's files in it, so that they
 * open where there is no network. It holds the pages alone and no answer: nothing about a person is in it.
 */
const { createHash } = require("node:crypto");
const { readdirSync, readFileSync, renameSync, statSync, writeFileSync } = require("node:fs");
const { join, sep } = require("node:path");

const NAME = "worker.js";
const PAGE = "index.html";

/** Write the worker for these files of a folder, beside its page; its bytes change with the build alone. */
function workerFor(folder, names, digest) {
  const source = readFileSync(join(__dirname, "pages_worker.js"), "utf8");
  const files = { "./": integrityOf(join(folder, PAGE)) };
  names.forEach((name) => (files[name] = integrityOf(join(folder, name))));
  return `const BUILD = ${JSON.stringify({ digest, files })};\n${source}`;
}

/** What a file has to be, as browsers check it (https://www.w3.org/TR/SRI/). */
function integrityOf(path) {
  return `sha256-${createHash("sha256").update(readFileSync(path)).digest("base64")}`;
}

function offline() {
  let folder = "";
  return {
    name: "hospital:offline",
    apply: "build",
    enforce: "post",
    configResolved(config) {
      folder = config.build.outDir;
    },
    closeBundle() {
      const files = readdirSync(folder, { recursive: true })
        .filter((name) => statSync(join(folder, name)).isFile())
        .map((name) => name.split(sep).join("/"))
        .filter((name) => name !== NAME && name !== PAGE && !name.endsWith(".br"))
        .sort();
      const digest = createHash("sha256");
      [PAGE, ...files].forEach((name) => digest.update(name).update(readFileSync(join(folder, name))));
      const path = join(folder, NAME);
      writeFileSync(`${path}.part`, workerFor(folder, files, digest.digest("hex").slice(0, 16)));
      renameSync(`${path}.part`, path);
    },
  };
}

module.exports = { offline, workerFor };
