/* global BUILD, caches, clients, fetch, self */
/**
 * The service worker of the patients' pages (https://www.w3.org/TR/service-workers/): keeps the files of the build.
 *
 * `BUILD` is put before this: `{ digest, files }`, of each file what it has to be. What the platform answers is none of
 * its business; the app keeps that itself, and forgets it when somebody leaves.
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

/**
 * Keep all files or none. A network that wants a sign-in of its own, as in hotels, answers with its page in a file's
 * place, and the file's integrity tells it from ours: kept, it would be there until the next build.
 */
async function keepBuild() {
  const isNew = !(await caches.has(KEPT));
  const cache = await caches.open(KEPT);
  const keep = (how) => cache.addAll(Object.entries(BUILD.files).map((file) => requestOf(...file, how)));
  try {
    // What the browser remembers spares a load; where it is not our file, the server is asked.
    await keep("default").catch(() => keep("reload"));
  } catch (error) {
    if (isNew) {
      // Nothing is in it, and it would be taken for the build before.
      await caches.delete(KEPT);
    }
    throw error;
  }
}

/** The page's name stays from build to build: it is asked of the server, whatever the browser remembers. */
function requestOf(name, integrity, how) {
  return new Request(name, { integrity, cache: name === START ? "reload" : how, redirect: "error" });
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

/**
 * The page as the server has it now; the one that is kept where there is no answer, none in time, or a server that is
 * down. Where it leads elsewhere, or says that there are no pages any more, people see that.
 */
async function newestPage(request) {
  const asked = fetch(request).then((answer) =>
    answer.status < 500 ? answer : Promise.reject(new Error(answer.status)),
  );
  const kept = async () => (await caches.match(START, { cacheName: KEPT })) ?? asked;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MILLISECONDS)).then(kept);
  return Promise.race([asked, late]).catch(kept);
}

/** This build's first: some names (`static/`) stay the same from build to build. */
async function keptOrAsked(request) {
  return (await caches.match(request, { cacheName: KEPT })) ?? (await caches.match(request)) ?? fetch(request);
}
