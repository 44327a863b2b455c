/* global BUILD, caches, clients, fetch, self */
/**
 * The service worker of the patients' pages (https://www.w3.org/TR/service-workers/): keeps the files of the build.
 *
 * `BUILD` is put before this: `{ digest, files }`. What the platform answers is none of its business; the app keeps
 * that itself, and forgets it when somebody leaves.
 */
const FAMILY = "pages-";
const KEPT = FAMILY + BUILD.digest;
const START = "./";
/** How long a page is waited for where there is a network in name only, before the one that is kept is shown. */
const PATIENCE_MILLISECONDS = 4000;

self.addEventListener("install", (event) => event.waitUntil(keepBuild().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(forgetOlder().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const answer = answerFor(event.request);
  if (answer) {
    event.respondWith(answer);
  }
});

async function keepBuild() {
  const cache = await caches.open(KEPT);
  // The page's name stays from build to build: it is asked of the server, whatever the browser remembers.
  await cache.addAll([new Request(START, { cache: "reload" }), ...BUILD.files]);
}

/** A page that is open was of the build before, and asks for that one's pieces; those before it nobody needs. */
async function forgetOlder() {
  const names = (await caches.keys()).filter((name) => name.startsWith(FAMILY) && name !== KEPT);
  await Promise.all(names.slice(0, -1).map((name) => caches.delete(name)));
}

function answerFor(request) {
  if (request.method !== "GET") {
    return null;
  }
  const scope = new URL(self.registration.scope);
  const { origin, pathname } = new URL(request.url);
  if (origin !== scope.origin || !pathname.startsWith(scope.pathname)) {
    return null;
  }
  const name = pathname.slice(scope.pathname.length);
  if (name === "") {
    return request.mode === "navigate" ? newestPage(request) : null;
  }
  return name.startsWith("assets/") || name.startsWith("static/") ? keptOrAsked(request) : null;
}

/** The page as the server has it now; the one that is kept where there is no answer, or none in time. */
async function newestPage(request) {
  const asked = fetch(request).then((answer) => (answer.ok ? answer : Promise.reject(new Error(answer.status))));
  const kept = async () => (await caches.match(START, { cacheName: KEPT })) ?? asked;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MILLISECONDS)).then(kept);
  return Promise.race([asked, late]).catch(kept);
}

async function keptOrAsked(request) {
  return (await caches.match(request)) ?? fetch(request);
}
