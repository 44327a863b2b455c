import assert from 'node:assert/strict';
import { generateKeyPairSync, verify, webcrypto } from 'node:crypto';
import { inspect } from 'node:util';
import { test } from 'node:test';
import {
  ClientSecret,
  ConnectionFailed,
  PrivateKey,
  TokenRefused,
  Unauthenticated,
  UnexpectedAnswer,
} from 'hospital-openapi';
import { BASE_URL, broken, Hospital, json, page, problem } from './hospital.js';

const pages = (count) => Array.from({ length: count }, () => page([]));

test('many calls at once ask for one token', async () => {
  const hospital = new Hospital(pages(50));
  const client = hospital.client();
  await Promise.all(Array.from({ length: 50 }, () => client.listCampuses()));
  assert.equal(hospital.tokenRequests.length, 1);
  assert.deepEqual(new Set(hospital.header('authorization')), new Set(['Bearer token-1']));
});

test('the secret is sent by Basic, form-encoded, and stays out of logs', async () => {
  const hospital = new Hospital(pages(1));
  await hospital.client(undefined, { scopes: ['slots.read', 'queue.read'] }).listCampuses();
  const [asked] = hospital.tokenRequests;
  assert.equal(atob(asked.headers.authorization.split(' ')[1]), 'app:s3cret%3A%2B%C3%BC');
  assert.equal(asked.body, 'grant_type=client_credentials&scope=slots.read+queue.read');
  const shown = new ClientSecret('app', 'hush');
  assert.ok(!inspect(shown).includes('hush') && !JSON.stringify(shown).includes('hush'));
});

test('a token is replaced shortly before it ends, and once for all', async () => {
  const hospital = new Hospital(pages(5));
  hospital.expiresIn = 0;
  const client = hospital.client();
  await client.listCampuses();
  hospital.expiresIn = 1800;
  await Promise.all([client.listCampuses(), client.listCampuses()]);
  await client.listCampuses();
  assert.equal(hospital.tokenRequests.length, 2);
  const token = await client.token();
  assert.deepEqual(token.scopes, ['slots.read', 'queue.read']);
  const left = (token.renewAt - Date.now()) / 1000;
  assert.ok(left > 1700 && left <= 1740, `${left}`);
});

test('calls that are refused at once get one fresh token between them', async () => {
  const refused = Array.from({ length: 10 }, () => problem(401, 'oauth.invalid_token'));
  const hospital = new Hospital([...refused, ...pages(10)]);
  const client = hospital.client();
  await client.token();
  await Promise.all(Array.from({ length: 10 }, () => client.listCampuses()));
  assert.equal(hospital.tokenRequests.length, 2);
  assert.equal(hospital.asked.length, 20);
});

test('a call that hears late that its token is refused does not throw away the fresh one', async () => {
  let refuseLate;
  const late = () =>
    new Promise((resolve) => {
      refuseLate = () => resolve(problem(401, 'oauth.invalid_token'));
    });
  const hospital = new Hospital([late, problem(401, 'oauth.invalid_token'), ...pages(2)]);
  const client = hospital.client();
  await client.token();
  const slow = client.listCampuses();
  await client.listCampuses();
  refuseLate();
  await slow;
  assert.equal(hospital.tokenRequests.length, 2);
});

test('a fresh token that is refused too is the end', async () => {
  const hospital = new Hospital([problem(401, 'oauth.invalid_token'), problem(401, 'oauth.invalid_token')]);
  await assert.rejects(hospital.client().listCampuses(), Unauthenticated);
  assert.equal(hospital.tokenRequests.length, 2);
});

test('whoever asks for a fresh token gets one that was asked for afterwards', async () => {
  let answerFirst;
  const first = () =>
    new Promise((resolve) => {
      answerFirst = () => resolve(json({ access_token: 'old', expires_in: 900 }));
    });
  const hospital = new Hospital(pages(1), [first, json({ access_token: 'new', expires_in: 900 })]);
  const client = hospital.client();
  const early = client.token();
  await new Promise(setImmediate);
  assert.equal((await client.renewToken()).value, 'new');
  answerFirst();
  assert.equal((await early).value, 'old');
  assert.equal((await client.token()).value, 'new');
});

test('a failure reaches all who wait, and the next one asks anew', async () => {
  const hospital = new Hospital(pages(1), [
    json({ error: 'invalid_client', error_description: 'no' }, { status: 401 }),
  ]);
  const client = hospital.client();
  const outcomes = await Promise.allSettled([client.listCampuses(), client.listCampuses()]);
  for (const { reason } of outcomes) {
    assert.ok(reason instanceof TokenRefused);
    assert.deepEqual(
      [reason.error, reason.description, reason.status, reason.requestId],
      ['invalid_client', 'no', 401, 'r-0'],
    );
  }
  assert.equal(hospital.tokenRequests.length, 1);
  await client.listCampuses();
});

test('the token endpoint is asked again like any other, each time with a new proof', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = await PrivateKey.fromPem('app', privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    crypto: webcrypto,
  });
  const hospital = new Hospital(pages(1), [
    broken(),
    json({}, { status: 503 }),
    json({ access_token: 't', expires_in: 60 }),
  ]);
  await hospital.client(key).listCampuses();
  const proofs = hospital.tokenRequests.map((one) => new URLSearchParams(one.body).get('client_assertion'));
  assert.equal(new Set(proofs).size, 3);
  const lost = new Hospital([], Array.from({ length: 4 }, broken));
  await assert.rejects(lost.client(key).listCampuses(), ConnectionFailed);
  await assert.rejects(new Hospital([], [json({ expires_in: 1 })]).client().token(), UnexpectedAnswer);
});

for (const [curve, algorithm, hash] of [
  ['P-256', 'ES256', 'sha256'],
  ['P-384', 'ES384', 'sha384'],
]) {
  test(`a key of ${curve} signs with ${algorithm}`, async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const key = await PrivateKey.fromPem('app', pem, { keyId: '2026-11', crypto: webcrypto });
    const { form, headers } = await key.prove(BASE_URL);
    assert.deepEqual(headers, {});
    const [header, claims, signature] = form.client_assertion.split('.');
    const read = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());
    assert.deepEqual(read(header), { alg: algorithm, kid: '2026-11' });
    const { iat, exp, jti, ...rest } = read(claims);
    assert.deepEqual(rest, { iss: 'app', sub: 'app', aud: BASE_URL });
    assert.equal(exp - iat, 60);
    assert.match(jti, /^[0-9a-f]{32}$/);
    const signed = Buffer.from(`${header}.${claims}`);
    const given = Buffer.from(signature, 'base64url');
    assert.ok(verify(hash, signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, given));
  });
}

test('what is no key of the two curves is refused', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).privateKey;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const pems = [other, rsa].map((key) => key.export({ type: 'pkcs8', format: 'pem' }));
  const sec1 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' });
  const spoilt = '-----BEGIN PRIVATE KEY-----\nAAA=A\n-----END PRIVATE KEY-----';
  for (const pem of [...pems, sec1, spoilt, '', 'no']) {
    await assert.rejects(PrivateKey.fromPem('app', pem, { crypto: webcrypto }), /PKCS#8/);
  }
});

test('a page gets its token from its own server, and tells which was refused', async () => {
  const asked = [];
  const provider = async (refused) => {
    asked.push(refused);
    return { value: `mine-${asked.length}`, expiresInSeconds: 900 };
  };
  const hospital = new Hospital([page([]), problem(401, 'oauth.invalid_token'), page([])]);
  const client = hospital.client(provider);
  await client.listCampuses();
  await client.listCampuses();
  assert.deepEqual(asked, [undefined, 'mine-1']);
  assert.deepEqual(hospital.header('authorization'), ['Bearer mine-1', 'Bearer mine-1', 'Bearer mine-2']);
  assert.equal(hospital.tokenRequests.length, 0);
});

test('what a provider throws comes through, and what is no token is refused', async () => {
  const error = new Error('sign in first');
  await assert.rejects(new Hospital().client(() => Promise.reject(error)).listCampuses(), error);
  for (const value of ['', 'a b', 'a\r\nb']) {
    await assert.rejects(new Hospital().client(async () => value).listCampuses(), TypeError);
  }
});

test('a token from elsewhere is used', async () => {
  const hospital = new Hospital(pages(1));
  const client = hospital.client();
  client.useToken({ value: 'kept', scopes: [], renewAt: Date.now() + 60_000 });
  await client.listCampuses();
  assert.deepEqual(hospital.header('authorization'), ['Bearer kept']);
  assert.equal(hospital.tokenRequests.length, 0);
});

test('no token appears where a client is logged', async () => {
  const client = new Hospital([page([])]).client();
  await client.listCampuses();
  const { value } = await client.token();
  for (const logged of [inspect(client, { depth: 9 }), JSON.stringify(client)]) {
    assert.ok(!logged.includes(value), logged);
    assert.ok(!logged.includes('s3cret'), logged);
  }
});
