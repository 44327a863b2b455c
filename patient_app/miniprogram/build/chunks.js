/**
 * Which pieces a browser loads: what stays from release to release, what nearly every screen is made of, and each
 * screen's own.
 *
 * Left alone, every part that two screens share is a file of its own, with its styles in another: the first screen then
 * waits for twenty small files, six at a time, and a slow phone pays the way there and back for each round.
 */
const FRAMEWORK = /\/node_modules\/(@dcloudio|@vue|vue)\/|\/@dcloudio\//;
const PARTS = /\/src\/(api|booking\/parts|booking\/\w+\.ts|components|design|locale|platform|stores|use|navigation|App\.vue)/;
/** Needed by few screens, and heavy. */
const SELDOM = /\/src\/components\/QrCode\.vue/;

function chunkOf(id) {
  if (SELDOM.test(id)) {
    return undefined;
  }
  if (PARTS.test(id)) {
    return "parts";
  }
  return FRAMEWORK.test(id) ? "framework" : undefined;
}

module.exports = { chunkOf };
