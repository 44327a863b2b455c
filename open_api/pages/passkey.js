// Passkeys: asks our server for a challenge, the device for its answer, and goes on where the server says.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  async function post(address, body, token) {
    const answer = await fetch(address, {
      method: "POST", credentials: "same-origin", redirect: "error",
      headers: { "content-type": "application/json", "x-form-token": token }, body: JSON.stringify(body),
    });
    const told = await answer.json();
    if (!answer.ok) throw new Refusal(told.detail);
    return told;
  }

  class Refusal extends Error {}

  async function create(options) {
    const made = await navigator.credentials.create({ publicKey: {
      ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: options.excludeCredentials.map((one) => ({ ...one, id: bytes(one.id) })),
    } });
    return { id: made.id, rawId: text(made.rawId), type: made.type, response: {
      clientDataJSON: text(made.response.clientDataJSON), attestationObject: text(made.response.attestationObject),
    } };
  }

  async function get(options) {
    const found = await navigator.credentials.get({ publicKey: {
      ...options, challenge: bytes(options.challenge), allowCredentials: [],
    } });
    return { id: found.id, rawId: text(found.rawId), type: found.type, response: {
      clientDataJSON: text(found.response.clientDataJSON), authenticatorData: text(found.response.authenticatorData),
      signature: text(found.response.signature),
      userHandle: found.response.userHandle ? text(found.response.userHandle) : null,
    } };
  }

  for (const button of document.querySelectorAll("button[data-passkey]")) {
    const notice = document.getElementById(button.dataset.notice);
    const say = (sentence) => { notice.textContent = sentence; notice.hidden = !sentence; };
    if (!window.PublicKeyCredential) { say(button.dataset.unsupported); continue; }
    button.disabled = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      say("");
      try {
        const { token, address, target } = button.dataset;
        const ceremony = await post(`${address}/options`, {}, token);
        const answer = await (button.dataset.passkey === "create" ? create : get)(ceremony.options);
        const done = await post(address, { ceremony: ceremony.id, answer, continue: target || "" }, token);
        location.assign(done.continue);
      } catch (error) {
        say(error instanceof Refusal && error.message ? error.message : button.dataset.failed);
        button.disabled = false;
      }
    });
  }
})();
