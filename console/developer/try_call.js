// Trying a call: fills the request from the form, shows it as a command, sends it with the application's own token of
// minutes, and shows what came. The token stays in this variable and is in no command.
"use strict";
(() => {
  const SECONDS_MAX = 45;
  const SPARE_SECONDS = 20;
  const form = document.getElementById("call");
  const part = (id) => document.getElementById(id);
  let token = { value: "", until: 0 };

  const fields = (place) => [...form.querySelectorAll(`input[data-in="${place}"]`)];
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

  function request() {
    let path = form.dataset.path;
    for (const field of fields("path")) {
      path = path.replace(`{${field.dataset.name}}`, encodeURIComponent(field.value.trim()));
    }
    const query = new URLSearchParams();
    for (const field of fields("query")) if (field.value.trim()) query.append(field.dataset.name, field.value.trim());
    const headers = {};
    for (const field of fields("header")) if (field.value.trim()) headers[field.dataset.name] = field.value.trim();
    const body = part("body");
    if (body) headers["Content-Type"] = "application/json";
    const text = query.toString();
    return { method: form.dataset.method, address: path + (text ? `?${text}` : ""), headers, body: body && body.value };
  }

  function command({ method, address, headers, body }) {
    const lines = [`curl -X ${method} ${quoted(location.origin + address)}`, '-H "Authorization: Bearer $TOKEN"'];
    for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
    if (body) lines.push(`-d ${quoted(body)}`);
    return lines.join(" \\\n  ");
  }

  async function currentToken() {
    if (token.value && Date.now() < token.until) return token.value;
    const answer = await fetch(form.dataset.token, {
      method: "POST", credentials: "same-origin", redirect: "error",
      headers: { "content-type": "application/json", "x-form-token": form.dataset.formToken }, body: "{}",
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.detail);
    token = { value: told.token, until: Date.now() + (told.seconds - SPARE_SECONDS) * 1000 };
    return token.value;
  }

  function pretty(text) {
    try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
  }

  function trouble(text) {
    part("trouble").hidden = !text;
    part("trouble").textContent = text;
  }

  async function send() {
    const empty = fields("path").find((field) => !field.value.trim());
    if (empty) {
      empty.focus();
      return trouble(form.dataset.missing + empty.dataset.name);
    }
    trouble("");
    const { method, address, headers, body } = request();
    const authorization = `Bearer ${await currentToken()}`;
    const began = performance.now();
    const answer = await fetch(address, {
      method, body: body || undefined, headers: { ...headers, authorization }, credentials: "omit", redirect: "error",
      cache: "no-store", signal: AbortSignal.timeout(SECONDS_MAX * 1000),
    });
    const text = await answer.text();
    part("took").textContent = `${Math.round(performance.now() - began)} ms`;
    part("status").textContent = `${answer.status} ${answer.statusText}`.trim();
    part("status").className = `tag ${answer.ok ? "good" : answer.status < 500 ? "warn" : "bad"}`;
    part("headers").textContent = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    part("content").textContent = pretty(text);
    part("answer").hidden = false;
    part("answer").scrollIntoView({ block: "nearest" });
  }

  const show = () => { part("curl").textContent = command(request()); };
  form.addEventListener("input", show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      await send();
    } catch (error) {
      trouble(form.dataset.failed + error.message);
    } finally {
      button.disabled = false;
    }
  });
  // With a script the choice itself leads on, and needs no button.
  const chooser = part("operation").form;
  chooser.querySelector(".row").remove();
  part("operation").addEventListener("change", () => chooser.submit());
  show();
})();
