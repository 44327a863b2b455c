import assert from 'node:assert/strict';
import { createHmac, webcrypto } from 'node:crypto';
import { test } from 'node:test';
import { verifyWebhook, WebhookRefused } from 'hospital-openapi';

// The example of the Standard Webhooks specification.
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NOW = 1614265330;
const BODY = '{"test": 2432232314}';
const SIGNED = {
  'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  'webhook-timestamp': String(NOW),
  'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const OTHER = `whsec_${btoa('x'.repeat(32))}`;
const check = (body, headers, secrets = SECRET, more = {}) =>
  verifyWebhook(body, headers, secrets, { now: NOW, crypto: webcrypto, ...more });

test("the specification's example is taken, as bytes and as text, from any kind of headers", async () => {
  const told = { test: 2432232314 };
  assert.deepEqual(await check(BODY, SIGNED), told);
  assert.deepEqual(await check(Buffer.from(BODY), new Headers(SIGNED)), told);
  const shouting = Object.fromEntries(Object.entries(SIGNED).map(([name, value]) => [name.toUpperCase(), value]));
  assert.deepEqual(await check(new TextEncoder().encode(BODY), shouting), told);
});

test('while a secret is exchanged either is taken', async () => {
  const both = { ...SIGNED, 'webhook-signature': `v1,AAAA v1a,zzz ${SIGNED['webhook-signature']}` };
  assert.ok(await check(BODY, both, [OTHER, SECRET]));
  assert.ok(await check(BODY, both, [SECRET, OTHER]));
  await assert.rejects(check(BODY, both, [OTHER]), WebhookRefused);
});

test('five minutes of skew are borne, and no more', async () => {
  for (const skew of [-300, 300]) assert.ok(await check(BODY, SIGNED, SECRET, { now: NOW + skew }));
  for (const skew of [-301, 301]) await assert.rejects(check(BODY, SIGNED, SECRET, { now: NOW + skew }), /old/);
});

test('what was tampered with is refused', async () => {
  await assert.rejects(check(`${BODY} `, SIGNED), WebhookRefused);
  for (const changed of [
    { 'webhook-id': 'msg_2' },
    { 'webhook-id': '' },
    { 'webhook-id': undefined },
    { 'webhook-timestamp': String(NOW + 1) },
    { 'webhook-timestamp': '1e9' },
    { 'webhook-timestamp': undefined },
    { 'webhook-signature': 'v1,' },
    { 'webhook-signature': '' },
    { 'webhook-signature': 'v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' },
    { 'webhook-signature': 'v1,é' },
    { 'webhook-signature': ['v1,AAAA'] },
    { 'webhook-signature': undefined },
  ]) {
    await assert.rejects(check(BODY, { ...SIGNED, ...changed }), WebhookRefused);
  }
});

test('a signed message that is not JSON is refused', async () => {
  for (const body of [Buffer.from('no'), Buffer.from([0x22, 0xff, 0x22])]) {
    const signature = createHmac('sha256', Buffer.from(SECRET.slice(6), 'base64'))
      .update(`m.${NOW}.`)
      .update(body)
      .digest('base64');
    const headers = { 'webhook-id': 'm', 'webhook-timestamp': String(NOW), 'webhook-signature': `v1,${signature}` };
    await assert.rejects(check(body, headers), /JSON/);
  }
});

test('secrets that are none are told', async () => {
  for (const secrets of [[], '', 'whsec_', 'whsec_%%%', 'whsec_abc', Array(9).fill(SECRET)]) {
    await assert.rejects(check(BODY, SIGNED, secrets), TypeError);
  }
});
