import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CallCancelled,
  Conflict,
  ConnectionFailed,
  HospitalClient,
  Problem,
  problems,
  RetryPolicy,
  ServerError,
  UnexpectedAnswer,
} from 'hospital-openapi';
import { all, AT_ONCE, BASE_URL, broken, Hospital, json, page, problem, SECRET } from './hospital.js';

const HOLD = { slot_id: 's', patient_id: 'p' };

test('a change has one idempotency key and one request id, however often it is sent', async () => {
  const hospital = new Hospital([
    broken(),
    problem(503, 'kernel.unavailable'),
    problem(429, 'gateway.rate_limited'),
    json({ id: 'h' }, { status: 201 }),
  ]);
  assert.deepEqual(await hospital.client().holdSeat(HOLD), { id: 'h' });
  assert.equal(hospital.asked.length, 4);
  for (const name of ['idempotency-key', 'x-request-id']) assert.equal(new Set(hospital.header(name)).size, 1, name);
  assert.match(hospital.asked[0].headers['idempotency-key'], /^sdk-[0-9a-f]{32}$/);
  assert.deepEqual(
    hospital.asked.map((one) => one.body),
    Array(4).fill(JSON.stringify(HOLD)),
  );
});

test('two changes have two keys, and one of your own is kept to', async () => {
  const hospital = new Hospital(Array.from({ length: 3 }, () => json({}, { status: 201 })));
  const client = hospital.client();
  await client.holdSeat(HOLD);
  await client.holdSeat(HOLD);
  await client.bookAppointment({ hold_id: 'h' }, { idempotencyKey: 'order-1', deviceId: 'device-0001' });
  const [first, second, third] = hospital.header('idempotency-key');
  assert.notEqual(first, second);
  assert.equal(third, 'order-1');
  assert.deepEqual(hospital.header('device-id'), [undefined, undefined, 'device-0001']);
});

test('a read has no key, says its language, and leaves out what is undefined', async () => {
  const hospital = new Hospital([page([])]);
  await hospital.client().listSlots({ department_id: 'a b&c', date: undefined, limit: 5 });
  const [asked] = hospital.asked;
  assert.equal(asked.url, `${BASE_URL}/open/v1/slots?department_id=a%20b%26c&limit=5`);
  assert.equal(asked.headers['idempotency-key'], undefined);
  assert.equal(asked.headers['accept-language'], 'en');
  assert.equal(asked.body, undefined);
});

test('a key that no header can carry is refused before anything is sent', async () => {
  const hospital = new Hospital();
  for (const idempotencyKey of ['', 'a b', 'a\nb', '订单', 'x'.repeat(129)]) {
    await assert.rejects(hospital.client().holdSeat(HOLD, { idempotencyKey }), TypeError);
  }
  assert.equal(hospital.asked.length, 0);
});

test('an id is one segment of the path, whatever stands in it', async () => {
  const hospital = new Hospital([json({})]);
  await hospital.client().getAppointment('../patients?x#y');
  assert.equal(hospital.asked[0].url, `${BASE_URL}/open/v1/appointments/..%2Fpatients%3Fx%23y`);
  for (const id of ['', '.', '..']) assert.throws(() => hospital.client().getAppointment(id), TypeError);
});

test('what is no path of the hospital gets no token', async () => {
  const hospital = new Hospital();
  for (const path of ['.evil.example/', '@evil.example/', ':443@evil.example/', 'https://evil.example/', '']) {
    await assert.rejects(hospital.client().request('GET', path), TypeError);
  }
  assert.deepEqual([hospital.asked, hospital.tokenRequests], [[], []]);
});

test('after the last attempt the error has the key by which to ask what happened', async () => {
  const hospital = new Hospital([broken(), broken(), broken(), broken()]);
  await assert.rejects(hospital.client().holdSeat(HOLD, { idempotencyKey: 'order-2' }), (error) => {
    assert.ok(error instanceof ConnectionFailed);
    assert.deepEqual([error.attempts, error.idempotencyKey], [4, 'order-2']);
    assert.equal(error.requestId, hospital.header('x-request-id')[0]);
    return true;
  });
});

test('the last refusal is thrown when there is no attempt left', async () => {
  const hospital = new Hospital(Array.from({ length: 4 }, () => problem(503, 'kernel.unavailable')));
  await assert.rejects(hospital.client().listCampuses(), problems.KernelUnavailable);
  assert.equal(hospital.asked.length, 4);
});

test('what is refused for good is not asked again', async () => {
  for (const [status, code] of [
    [400, 'request.malformed'],
    [403, 'oauth.insufficient_scope'],
    [409, 'booking.sold_out'],
    [500, 'request.internal_error'],
  ]) {
    const hospital = new Hospital([problem(status, code)]);
    await assert.rejects(hospital.client().holdSeat(HOLD), (error) => error instanceof Problem && error.code === code);
    assert.equal(hospital.asked.length, 1);
  }
});

test('a refusal tells its code, sentence, request and whatever else it says', async () => {
  const told = { headers: { 'retry-after': '60' }, detail: 'Fully booked.', deadline_at: '2026-11-25T00:00:00Z' };
  const hospital = new Hospital([problem(409, 'booking.sold_out', told)]);
  await assert.rejects(hospital.client().holdSeat(HOLD), (error) => {
    assert.ok(error instanceof problems.BookingSoldOut && error instanceof Conflict);
    assert.equal(error.name, 'BookingSoldOut');
    assert.deepEqual(
      [error.code, error.status, error.detail, error.requestId, error.retryAfterSeconds, error.details],
      ['booking.sold_out', 409, 'Fully booked.', 'r-1', 60, { deadline_at: '2026-11-25T00:00:00Z' }],
    );
    return true;
  });
});

test('a code that is not known yet has the class of its status', async () => {
  for (const [status, kind] of [
    [409, Conflict],
    [507, ServerError],
  ]) {
    const hospital = new Hospital([problem(status, 'tomorrow.news')]);
    await assert.rejects(hospital.client().holdSeat(HOLD), (error) => error.constructor === kind);
  }
});

test("a proxy's own page is not taken for the hospital's", async () => {
  const html = { headers: {}, body: '<html>' };
  for (const answer of [
    { ...html, status: 200 },
    { ...html, status: 403 },
    { ...html, status: 302 },
    json([], { status: 400 }),
  ]) {
    await assert.rejects(new Hospital([answer]).client().listCampuses(), UnexpectedAnswer);
  }
});

test('Retry-After is kept to, and a longer one than anybody waits for is thrown', async () => {
  const waits = new RetryPolicy({ attempts: 3, firstSeconds: 0.5, longestSeconds: 4 });
  for (let round = 0; round < 200; round += 1) {
    assert.ok(waits.waitSeconds(1) >= 0.25 && waits.waitSeconds(1) <= 0.5);
    assert.ok(waits.waitSeconds(2) >= 0.5 && waits.waitSeconds(2) <= 1);
    const asked = waits.waitSeconds(1, 3);
    assert.ok(asked >= 3.25 && asked <= 3.5);
  }
  assert.equal(waits.waitSeconds(1, 4.1), undefined);
  assert.equal(waits.waitSeconds(3), undefined);
  const capped = new RetryPolicy({ attempts: 99, firstSeconds: 1, longestSeconds: 2 });
  assert.ok(capped.waitSeconds(50) <= 2);
  const hospital = new Hospital([problem(429, 'gateway.rate_limited', { headers: { 'retry-after': '60' } })]);
  await assert.rejects(hospital.client().holdSeat(HOLD), (error) => error.retryAfterSeconds === 60);
  assert.equal(hospital.asked.length, 1);
  const past = new Hospital([
    problem(503, 'kernel.unavailable', { headers: { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' } }),
    json({}),
  ]);
  await past.client().getHold('h');
  assert.equal(past.asked.length, 2);
});

test('a policy that makes no sense is refused', () => {
  for (const told of [
    { attempts: 0 },
    { firstSeconds: -1 },
    { firstSeconds: 9, longestSeconds: 8 },
    { attempts: NaN },
  ]) {
    assert.throws(() => new RetryPolicy(told), RangeError);
  }
});

test('pages are turned when they are needed', async () => {
  const hospital = new Hospital([page([{ id: 1 }, { id: 2 }], 'two'), page([{ id: 3 }])]);
  const iterator = hospital.client().iterateCampuses({ limit: 2 });
  assert.equal((await iterator.next()).value.id, 1);
  assert.equal((await iterator.next()).value.id, 2);
  assert.equal(hospital.asked.length, 1);
  assert.deepEqual(await all(iterator), [{ id: 3 }]);
  assert.deepEqual(
    hospital.asked.map((one) => one.url.split('?')[1]),
    ['limit=2', 'limit=2&cursor=two'],
  );
});

test('a feed is read until a page comes empty, and a list in circles is an error', async () => {
  const feed = new Hospital([page([{ schedule_id: 1 }], 'a'), page([], 'b')]);
  assert.equal((await all(feed.client().iterateAvailabilityChanges())).length, 1);
  const circle = new Hospital([page([{ id: 1 }], 'a'), page([{ id: 2 }], 'a')]);
  await assert.rejects(all(circle.client().iterateEvents()), UnexpectedAnswer);
});

test('the directory is kept with its tag, and each caller has an answer of their own', async () => {
  const hospital = new Hospital([
    json({ items: [1] }, { headers: { etag: '"a"' } }),
    { status: 304, headers: {}, body: '' },
    { status: 304, headers: {}, body: '' },
  ]);
  const client = hospital.client();
  const first = await client.getDepartmentTree();
  first.items.push('spoilt');
  assert.deepEqual(await client.getDepartmentTree(), { items: [1] });
  assert.deepEqual(await client.getDepartmentTree(), { items: [1] });
  assert.deepEqual(hospital.header('if-none-match'), [undefined, '"a"', '"a"']);
});

test('nothing of patients is kept', async () => {
  const hospital = new Hospital(Array.from({ length: 2 }, () => json({}, { headers: { etag: '"a"' } })));
  const client = hospital.client();
  await client.getPatient('p');
  await client.getPatient('p');
  assert.deepEqual(hospital.header('if-none-match'), [undefined, undefined]);
});

test('anything else can be asked, with its tag and headers', async () => {
  const hospital = new Hospital([json({ a: 1 }, { headers: { etag: '"t"' } }), { status: 304, headers: {}, body: '' }]);
  const client = hospital.client();
  const answer = await client.request('POST', '/open/v1/x', { body: {}, idempotencyKey: 'k' });
  assert.deepEqual([answer.status, answer.data, answer.etag, answer.isUnchanged], [200, { a: 1 }, '"t"', false]);
  const again = await client.request('GET', '/open/v1/x', { ifNoneMatch: answer.etag });
  assert.deepEqual([again.isUnchanged, again.data], [true, undefined]);
  assert.deepEqual(hospital.header('idempotency-key'), ['k', undefined]);
  assert.deepEqual(hospital.header('if-none-match'), [undefined, '"t"']);
});

test('a call that is no longer wanted ends, wherever it stands', async () => {
  const never = () => new Promise(() => undefined);
  const inToken = new AbortController();
  const waiting = new Hospital().client(never).listCampuses({}, { signal: inToken.signal });
  inToken.abort();
  await assert.rejects(waiting, CallCancelled);

  const inPause = new AbortController();
  const slow = new RetryPolicy({ firstSeconds: 600, longestSeconds: 600 });
  const hospital = new Hospital([
    () => {
      queueMicrotask(() => inPause.abort());
      return problem(503, 'kernel.unavailable');
    },
  ]);
  const call = hospital
    .client(SECRET, { retries: slow })
    .holdSeat(HOLD, { signal: inPause.signal, idempotencyKey: 'k' });
  await assert.rejects(
    call,
    (error) => error instanceof CallCancelled && error.idempotencyKey === 'k' && error.attempts === 1,
  );
  const before = new Hospital([], [json({ error: 'invalid_client' }, { status: 401 })]);
  await assert.rejects(before.client().listCampuses({}, { signal: AbortSignal.abort() }), CallCancelled);
  // That no token was to be had either reaches nobody, and is not left lying about.
  await new Promise(setImmediate);
  assert.equal(before.tokenRequests.length, 1);
});

test('an address that is none, has a path, or leaves this machine without https is refused', () => {
  for (const address of [
    '',
    'hospital.example',
    'ftp://hospital.example',
    'https://hospital.example/open',
    'https://a:b@hospital.example',
    'https://hospital.example?x',
    'http://hospital.example',
    'http://127.0.0.1.evil.example',
    'https://a.example\n',
  ]) {
    assert.throws(() => new HospitalClient(address, SECRET), TypeError, address);
  }
  for (const [address, kept] of [
    ['https://Hospital.example/', 'https://hospital.example'],
    ['http://127.0.0.1:8000', 'http://127.0.0.1:8000'],
    ['http://[::1]:8000/', 'http://[::1]:8000'],
    ['http://localhost', 'http://localhost'],
  ]) {
    assert.equal(new HospitalClient(address, SECRET).baseUrl, kept);
  }
});

const events = (...pieces) => ({
  status: 200,
  headers: {},
  body: '',
  chunks: (async function* give() {
    for (const piece of pieces) {
      if (piece instanceof Error) throw piece;
      yield typeof piece === 'string' ? new TextEncoder().encode(piece) : piece;
    }
  })(),
});

test('a stream is read on where it broke off, until it is over', async () => {
  const text = new TextEncoder().encode('id: 7\nevent: moved\ndata: {"at":\ndata: "三"}\n\n');
  const hospital = new Hospital([
    events(
      'retry: 0\n\nid: 6\ndata: {"at": "二"}\r\n\r\n:beat\n\nevent: still-here\ndata: 1\n\nid: 9\ndata: {"half',
      broken(),
    ),
    problem(503, 'kernel.unavailable'),
    problem(401, 'oauth.invalid_token'),
    events(...Array.from(text, (byte) => Uint8Array.of(byte))),
    { status: 204, headers: {}, body: '' },
  ]);
  assert.deepEqual(await all(hospital.client().watchQueueEntry('e')), [{ at: '二' }, { at: '三' }]);
  assert.deepEqual(hospital.header('last-event-id'), [undefined, '6', '6', '6', '7']);
  assert.deepEqual(hospital.header('authorization').slice(2, 4), ['Bearer token-1', 'Bearer token-2']);
  assert.ok(hospital.asked.every((one) => one.wantsStream && one.headers.accept === 'text/event-stream'));
});

test('an event without end is refused', async () => {
  const endless = Array.from({ length: 40 }, () => 'data: ' + 'x'.repeat(1 << 15) + '\n');
  await assert.rejects(all(new Hospital([events(...endless)]).client().watchQueueEntry('e')), UnexpectedAnswer);
  await assert.rejects(all(new Hospital([events('data: {\n\n')]).client().watchQueueEntry('e')), UnexpectedAnswer);
  await assert.rejects(
    all(new Hospital([events(Uint8Array.of(100, 255, 10))]).client().watchQueueEntry('e')),
    UnexpectedAnswer,
  );
});

test('a stream that cannot be had is given up like a call', async () => {
  const hospital = new Hospital(Array.from({ length: 4 }, broken));
  await assert.rejects(all(hospital.client().watchQueueEntry('e')), ConnectionFailed);
  const refused = new Hospital([problem(404, 'queue.entry_not_found')]);
  await assert.rejects(
    all(refused.client(SECRET, { retries: AT_ONCE }).watchQueueEntry('e')),
    problems.QueueEntryNotFound,
  );
});
