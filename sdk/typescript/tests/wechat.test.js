// The mini-program's build in a world that has what a mini-program has, and nothing else.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createContext, Script } from 'node:vm';
import { serving } from './server.js';

const BUILD = join(dirname(createRequire(import.meta.url).resolve('hospital-openapi')), 'miniprogram');

// wx.request as its documentation has it: callbacks, header names as they came, words for what went wrong, pieces
// while a chunked answer comes, no PATCH, and an answer that is only parsed where dataType is json.
function wx({ tellsStatus = true } = {}) {
  return {
    asked: [],
    request(options) {
      this.asked.push(options);
      assert.ok(['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT'].includes(options.method));
      const listeners = { headers: () => undefined, chunk: () => undefined };
      let isOver = false;
      const finish = (name, told) => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        setImmediate(() => options[name](told));
      };
      const headers = { 'content-type': 'application/json', ...options.header };
      const sent = httpRequest(options.url, { method: options.method, headers }, async (response) => {
        const header = {};
        for (let at = 0; at < response.rawHeaders.length; at += 2)
          header[response.rawHeaders[at]] = response.rawHeaders[at + 1];
        listeners.headers({ header, cookies: [], ...(tellsStatus ? { statusCode: response.statusCode } : {}) });
        const chunks = [];
        try {
          for await (const chunk of response) {
            if (!options.enableChunked) chunks.push(chunk);
            else if (!isOver) listeners.chunk({ data: new Uint8Array(chunk).buffer });
          }
        } catch {
          finish('fail', { errMsg: 'request:fail errcode:-100 cronet_error_code:-100', errno: 600001 });
        }
        const text = Buffer.concat(chunks).toString();
        const data = options.dataType === 'json' ? JSON.parse(text) : text;
        finish('success', { statusCode: response.statusCode, header, cookies: [], data, errMsg: 'request:ok' });
      });
      sent.on('error', () =>
        finish('fail', { errMsg: 'request:fail errcode:-102 cronet_error_code:-102', errno: 600001 }),
      );
      const timer = setTimeout(() => {
        finish('fail', { errMsg: 'request:fail timeout', errno: 5 });
        sent.destroy();
      }, options.timeout);
      sent.end(options.data);
      return {
        abort: () => {
          this.aborted?.();
          finish('fail', { errMsg: 'request:fail abort' });
          sent.destroy();
        },
        onHeadersReceived(listener) {
          listeners.headers = listener;
        },
        onChunkReceived(listener) {
          listeners.chunk = listener;
        },
      };
    },
  };
}

// What stands in a mini-program's world beside the language: timers and a console.
function miniProgram() {
  const world = createContext({ setTimeout, clearTimeout, console });
  const loaded = new Map();
  const load = (name) => {
    const path = join(BUILD, name);
    if (!loaded.has(path)) {
      const module = { exports: {} };
      loaded.set(path, module);
      const wrapped = new Script(`(function (exports, require, module) {${readFileSync(path, 'utf8')}\n})`, {
        filename: path,
      });
      wrapped.runInContext(world)(module.exports, load, module);
    }
    return loaded.get(path).exports;
  };
  for (const missing of [
    'fetch',
    'URL',
    'AbortController',
    'crypto',
    'TextDecoder',
    'TextEncoder',
    'btoa',
    'atob',
    'Headers',
  ]) {
    assert.equal(new Script(`typeof ${missing}`).runInContext(world), 'undefined', missing);
  }
  // Runs a page of the mini-program, which finds the package by its name.
  const run = (source, here) => {
    const files = { 'hospital-openapi': './index.js', 'hospital-openapi/wechat': './wechat.js' };
    new Script(`(function (require, wx) {${source}\n})`).runInContext(world)((name) => load(files[name]), here);
  };
  return { ...load('./index.js'), ...load('./wechat.js'), run };
}

const { HospitalClient, RetryPolicy, wechatTransport, run, ...sdk } = miniProgram();
const program = (baseUrl, { here = wx(), attempts = 1, token = 'token' } = {}) =>
  new HospitalClient(baseUrl, async () => token, {
    transport: wechatTransport(here),
    retries: new RetryPolicy({ attempts, firstSeconds: 0 }),
  });

test('a call goes out by wx.request, with its key, and its answer comes back', async () => {
  const answer = (request, response, body) => {
    response.writeHead(201, { 'X-Request-Id': 'r-9' });
    response.end(JSON.stringify({ headers: request.headers, body: JSON.parse(body) }));
  };
  await serving(answer, async (baseUrl) => {
    const told = await program(baseUrl).holdSeat({ slot_id: '号', patient_id: 'p' });
    assert.equal(JSON.stringify(told.body), '{"slot_id":"号","patient_id":"p"}');
    assert.equal(told.headers.authorization, 'Bearer token');
    assert.match(told.headers['idempotency-key'], /^sdk-[0-9a-f]{32}$/);
  });
});

test('the program of the README runs as written', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, program] = /```js\n(.*?)```/s.exec(readme);
  const asked = [];
  const here = {
    request(options) {
      asked.push([options.method, options.url, options.header?.authorization]);
      const data = options.url.endsWith('/token')
        ? { value: 'mine', expiresInSeconds: 600 }
        : '{"items": [{"id": "c"}], "next": null}';
      setImmediate(() => options.success({ statusCode: 200, header: {}, data }));
      return {
        abort() {
          throw new Error('nobody wanted that');
        },
      };
    },
  };
  const seen = await new Promise((done) => {
    here.done = done;
    run(`${program}; hospital.listCampuses().then((list) => wx.done(list.items[0].id));`, here);
  });
  assert.equal(seen, 'c');
  assert.deepEqual(asked, [
    ['POST', 'https://partner.example/token', undefined],
    ['GET', 'https://open.hospital.example/open/v1/campuses', 'Bearer mine'],
  ]);
});

test('ten thousand keys are all different, without secret chance', async () => {
  const here = {
    keys: new Set(),
    request(options) {
      this.keys.add(options.header['idempotency-key']);
      options.success({ statusCode: 200, header: {}, data: '{}' });
      return {
        abort() {
          /* It is over already. */
        },
      };
    },
  };
  const client = program('https://hospital.example', { here });
  for (let number = 0; number < 10_000; number += 1) await client.holdSeat({});
  assert.equal(here.keys.size, 10_000);
});

test('a refusal is an error of its own class there too', async () => {
  const told = { code: 'booking.sold_out', detail: '该时段已约满', request_id: 'r-1', status: 409 };
  await serving(
    (_request, response) => response.writeHead(409).end(JSON.stringify(told)),
    async (baseUrl) => {
      await assert.rejects(program(baseUrl).bookAppointment({}), (error) => {
        assert.ok(error instanceof sdk.problems.BookingSoldOut);
        assert.deepEqual([error.detail, error.requestId], ['该时段已约满', 'r-1']);
        return true;
      });
    },
  );
});

test('a broken connection is tried again with the same key', async () => {
  const keys = [];
  const answer = (request, response) => {
    keys.push(request.headers['idempotency-key']);
    if (keys.length < 3) request.socket.destroy();
    else response.end('{"id": "h"}');
  };
  await serving(answer, async (baseUrl) => {
    assert.equal((await program(baseUrl, { attempts: 3 }).holdSeat({})).id, 'h');
    assert.equal(new Set(keys).size, 1);
  });
});

test('silence and cancellation end a call', async () => {
  await serving(
    () => undefined,
    async (baseUrl) => {
      await assert.rejects(program(baseUrl).listCampuses({}, { timeoutSeconds: 0.05 }), /request:fail timeout/);
      // A mini-program has no AbortController: whatever looks like its signal will do.
      const listeners = new Set();
      const signal = {
        aborted: false,
        addEventListener: (_type, listener) => listeners.add(listener),
        removeEventListener: (_type, listener) => listeners.delete(listener),
      };
      const call = program(baseUrl).listCampuses({}, { signal });
      setTimeout(() => {
        signal.aborted = true;
        for (const listener of [...listeners]) listener();
      }, 20);
      await assert.rejects(call, sdk.CallCancelled);
      assert.equal(listeners.size, 0);
    },
  );
});

test('what wx.request cannot send is said, not tried', async () => {
  await assert.rejects(program('https://hospital.example').changeWebhook('w', {}), /knows no PATCH/);
});

for (const tellsStatus of [true, false]) {
  test(`a place in a queue is watched piece by piece${tellsStatus ? '' : ', in developer tools too'}`, async () => {
    const asked = [];
    const answer = (request, response) => {
      asked.push(request.headers['last-event-id']);
      if (asked.length === 3) return response.writeHead(204).end();
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const event = Buffer.from(`retry: 0\nid: ${asked.length}\ndata: {"at": "诊室"}\n\n`);
      response.write(event.subarray(0, 33));
      return setTimeout(
        () => (asked.length === 1 ? response.end(event.subarray(33)) : cut(request, response, event)),
        20,
      );
    };
    const cut = (request, response, event) => response.write(event.subarray(33), () => request.socket.destroy());
    await serving(answer, async (baseUrl) => {
      const seen = [];
      for await (const told of program(baseUrl, { here: wx({ tellsStatus }), attempts: 3 }).watchQueueEntry('e'))
        seen.push(told.at);
      assert.deepEqual(seen, ['诊室', '诊室']);
      assert.deepEqual(asked, [undefined, '1', '2']);
    });
  });
}

test('a stream that is refused says why, though it comes in pieces', async () => {
  const told = { code: 'queue.entry_not_found', detail: '没有找到', request_id: 'r-1' };
  await serving(
    (_request, response) => response.writeHead(404).end(JSON.stringify(told)),
    async (baseUrl) => {
      await assert.rejects(program(baseUrl).watchQueueEntry('e').next(), (error) => error.detail === '没有找到');
    },
  );
});

test('whoever stops reading ends the request', async () => {
  let closed;
  const answer = (_request, response) => {
    closed = once(response, 'close');
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: {}\n\n');
  };
  await serving(answer, async (baseUrl) => {
    const events = program(baseUrl).watchQueueEntry('e');
    await events.next();
    await events.return();
    await closed;
  });
});

test('more than is read does not pile up', async () => {
  const answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: {}\n\n');
    response.write(`:${'x'.repeat(1 << 21)}`);
  };
  await serving(answer, async (baseUrl) => {
    const here = wx();
    const aborted = new Promise((resolve) => {
      here.aborted = resolve;
    });
    const transport = wechatTransport(here);
    const response = await transport({
      method: 'GET',
      url: baseUrl,
      headers: {},
      body: undefined,
      timeoutSeconds: 60,
      signal: undefined,
      wantsStream: true,
    });
    await assert.rejects(async () => {
      for await (const _piece of response.chunks) await aborted;
    }, /more has come than is read/);
  });
});
