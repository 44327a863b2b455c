"use strict";
for (const origin of document.querySelectorAll("[data-origin]")) {
  if (location.origin.startsWith("http")) origin.textContent = location.origin;
}
for (const block of document.querySelectorAll(".code")) {
  const button = document.createElement("button");
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("pre").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  block.append(button);
}
const filter = document.getElementById("filter");
filter.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  for (const entry of document.querySelectorAll("nav li")) {
    const link = entry.firstElementChild;
    entry.hidden = !`${link.textContent} ${link.title}`.toLowerCase().includes(wanted);
  }
});
const links = new Map([...document.querySelectorAll("nav li a")].map((link) => [link.hash.slice(1), link]));
const watcher = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (!isIntersecting) continue;
    for (const link of links.values()) link.classList.remove("here");
    links.get(target.id)?.classList.add("here");
  }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const article of document.querySelectorAll("article, #first-steps")) watcher.observe(article);
