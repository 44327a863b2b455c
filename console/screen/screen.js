"use strict";
// The server says "still here" every quarter of a minute; after so long without a word the connection is dead.
const SILENCE_MILLISECONDS_MAX = 40000;
// Between two tries of our own; the browser's own tries follow what the server asks.
const RETRY_MILLISECONDS = [2000, 10000];
// A short break is mended before anybody has to know of it.
const PATIENCE_MILLISECONDS = 3000;

const place = (id) => document.getElementById(id);
const state = { source: null, heardAt: performance.now(), clockOffset: 0, label: null, broken: null };

function show(text, id) {
  const element = place(id);
  if (element.textContent !== text) element.textContent = text;
}

function line(person) {
  const item = document.createElement("li");
  for (const text of [person.label, person.name]) {
    const part = document.createElement("span");
    part.textContent = text;
    item.append(part);
  }
  return item;
}

function showRoom(told) {
  state.clockOffset = Date.parse(told.at) - Date.now();
  show(`${told.clinic.name_zh} ${told.room.name_zh}`, "room");
  show([told.clinic.name_en, told.room.name_en, told.room.floor].filter(Boolean).join(" · "), "room-en");
  document.title = `${told.room.name_zh} 候诊`;
  show(told.practitioners.map((one) => one.name).join("、"), "doctor");
  const titles = told.practitioners.length === 1 ? told.practitioners[0] : null;
  show(titles ? `${titles.title_zh} ${titles.title_en}` : "", "doctor-title");
  fitRoom();
  showCalled(told.called[0], told.seen[0]);
  place("next").replaceChildren(...told.next.map(line));
  place("nobody").hidden = told.waiting > 0;
  show(String(told.waiting), "waiting");
  place("passed-line").hidden = told.passed.length === 0;
  show(told.passed.map((one) => one.label).join(" "), "passed");
}

// A long clinic's name is written smaller: what stands at its end is the number of the room.
function fitRoom() {
  const room = place("room");
  room.style.fontSize = "";
  const fits = room.clientWidth / room.scrollWidth;
  if (fits < 1) room.style.fontSize = `${4.6 * fits * 0.99}vw`;
}

function showCalled(called, seen) {
  const person = called || seen;
  document.body.dataset.called = called ? "called" : seen ? "seen" : "none";
  show(called ? "请就诊" : seen ? "就诊中" : "请等候", "state");
  show(called ? "Now calling" : seen ? "With the doctor" : "Please wait", "state-en");
  show(person ? person.label : "—", "label");
  show(person ? person.name : "", "name");
  const fresh = called ? called.label : null;
  if (fresh !== state.label) {
    state.label = fresh;
    const label = place("label");
    label.classList.remove("fresh");
    if (fresh) {
      void label.offsetWidth; // Lets the animation begin anew.
      label.classList.add("fresh");
    }
  }
}

function hear() {
  state.heardAt = performance.now();
  clearTimeout(state.broken);
  state.broken = null;
  document.body.dataset.connection = "open";
}

function lose() {
  if (state.broken === null) {
    state.broken = setTimeout(() => { document.body.dataset.connection = "broken"; }, PATIENCE_MILLISECONDS);
  }
}

function connect() {
  if (state.source) state.source.close();
  state.heardAt = performance.now();
  const source = new EventSource(location.pathname.replace(/\/$/, "") + "/events");
  state.source = source;
  source.addEventListener("room", (event) => { hear(); showRoom(JSON.parse(event.data)); });
  source.addEventListener("still-here", hear);
  source.addEventListener("error", () => {
    lose();
    // The browser gives up on an answer that is no stream, as while the server is being renewed.
    if (source.readyState === EventSource.CLOSED) {
      const [least, most] = RETRY_MILLISECONDS;
      setTimeout(() => { if (state.source === source) connect(); }, least + Math.random() * (most - least));
    }
  });
}

function tick() {
  const now = new Date(Date.now() + state.clockOffset);
  const inGuangzhou = { timeZone: "Asia/Shanghai" };
  show(now.toLocaleTimeString("zh-CN", { ...inGuangzhou, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }), "time");
  show(now.toLocaleDateString("zh-CN", { ...inGuangzhou, month: "long", day: "numeric", weekday: "long" }), "date");
  if (performance.now() - state.heardAt > SILENCE_MILLISECONDS_MAX) {
    lose();
    connect();
  }
}

connect();
tick();
setInterval(tick, 1000);
