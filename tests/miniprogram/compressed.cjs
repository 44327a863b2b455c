/** Names what is not the same once it is decompressed, and how many files were looked at. */
const { readdirSync, readFileSync } = require("node:fs");
const { join } = require("node:path");
const { brotliDecompressSync } = require("node:zlib");

const folder = process.argv[2];
const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".br"));
for (const name of names) {
  const plain = readFileSync(join(folder, name.slice(0, -".br".length)));
  if (!brotliDecompressSync(readFileSync(join(folder, name))).equals(plain)) {
    console.log(name);
  }
}
console.log(names.length);
