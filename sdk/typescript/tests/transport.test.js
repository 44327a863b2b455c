import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  CallCancelled,
  ConnectionFailed,
  fetchTransport,
  HospitalClient,
  RetryPolicy,
  UnexpectedAnswer,
} from 'hospital-openapi';
import { all } from './hospital.js';
import { serving } from './server.js';

const TOKEN = async () => 'token';
const ONCE = { retries: new RetryPolicy({ attempts: 1 }) };

test('what is sent over a real connection arrives, and what is answered is understood', async () => {
  const answer = (request, response, body) => {
    response.setHeader('X-Request-Id', 'r-9');
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
  };
  await serving(answer, async (baseUrl) => {
    const client = new HospitalClient(baseUrl, TOKEN, ONCE);
    const answered = await client.request('POST', '/open/v1/holds', { body: { name: '陈' }, query: { a: 1 } });
    const { method, url, headers, body } = answered.data;
    assert.deepEqual([method, url, body, answered.requestId], ['POST', '/open/v1/holds?a=1', '{"name":"陈"}', 'r-9']);
    assert.deepEqual(
      [headers.authorization, headers['content-type'], headers['accept-language']],
      ['Bearer token', 'application/json', 'zh'],
    );
  });
});

test('a connection that breaks before the answer is tried again', async () => {
  let asked = 0;
  const answer = (request, response) => {
    asked += 1;
    if (asked < 3) request.socket.destroy();
    else response.end('{"items": [], "next": null}');
  };
  await serving(answer, async (baseUrl) => {
    const client = new HospitalClient(baseUrl, TOKEN, { retries: new RetryPolicy({ firstSeconds: 0 }) });
    await client.listCampuses();
    assert.equal(asked, 3);
  });
});

test('an answer that does not come, or does not end, is not waited for forever', async () => {
  for (const begin of [() => undefined, (response) => response.write('{"items":')]) {
    await serving(
      (_request, response) => begin(response),
      async (baseUrl) => {
        const client = new HospitalClient(baseUrl, TOKEN, ONCE);
        const call = client.listCampuses({}, { timeoutSeconds: 0.05 });
        await assert.rejects(
          call,
          (error) => error instanceof ConnectionFailed && /no answer within 0.05 s/.test(error.message),
        );
      },
    );
  }
});

test('an answer without end is cut off, and not asked for again', async () => {
  let asked = 0;
  let isCut = false;
  const answer = (_request, response) => {
    asked += 1;
    response.on('close', () => {
      isCut = true;
    });
    const more = () => {
      while (!response.destroyed && response.write('"'.repeat(1 << 20)));
    };
    response.on('drain', more);
    more();
  };
  await serving(answer, async (baseUrl) => {
    const client = new HospitalClient(baseUrl, TOKEN, { retries: new RetryPolicy({ firstSeconds: 0 }) });
    await assert.rejects(client.listCampuses(), (error) => {
      return error instanceof UnexpectedAnswer && /too long/.test(error.message);
    });
    while (!isCut) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(asked, 1);
  });
});

test('letters of several bytes come together, wherever the answer is torn', async () => {
  const text = JSON.stringify({ items: [{ name: '骨科👨‍⚕️' }], next: null });
  const answer = async (_request, response) => {
    for (const byte of Buffer.from(text)) {
      response.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  };
  await serving(answer, async (baseUrl) => {
    const client = new HospitalClient(baseUrl, TOKEN, ONCE);
    assert.deepEqual(await client.listCampuses(), JSON.parse(text));
  });
});

test('nobody is there', async () => {
  let free;
  await serving(
    () => undefined,
    async (baseUrl) => {
      free = baseUrl;
    },
  );
  await assert.rejects(new HospitalClient(free, TOKEN, ONCE).listCampuses(), /ECONNREFUSED/);
});

test('a call that is cancelled closes its connection', async () => {
  const controller = new AbortController();
  let closed;
  const answer = (request, response) => {
    closed = once(response, 'close');
    controller.abort();
  };
  await serving(answer, async (baseUrl) => {
    const call = new HospitalClient(baseUrl, TOKEN).listCampuses({}, { signal: controller.signal });
    await assert.rejects(call, CallCancelled);
    await closed;
  });
});

test('a token is not carried to where a redirection leads', async () => {
  const answer = (request, response) => {
    assert.equal(request.url, '/open/v1/campuses');
    response.writeHead(302, { location: '/elsewhere' }).end();
  };
  await serving(answer, async (baseUrl) => {
    await assert.rejects(new HospitalClient(baseUrl, TOKEN, ONCE).listCampuses(), UnexpectedAnswer);
  });
});

test('a stream is heard as it comes, and whoever stops reading closes it', async () => {
  let closed;
  const answer = (request, response) => {
    closed = once(response, 'close');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('id: 1\ndata: {"n": 1}\n\n');
  };
  await serving(answer, async (baseUrl) => {
    for await (const told of new HospitalClient(baseUrl, TOKEN, ONCE).watchQueueEntry('e')) {
      assert.deepEqual(told, { n: 1 });
      break;
    }
    await closed;
  });
});

test("a proxy's page in place of a stream is no stream", async () => {
  for (const body of ['<html>', '{}']) {
    await serving(
      (_request, response) => response.end(body),
      async (baseUrl) => {
        await assert.rejects(all(new HospitalClient(baseUrl, TOKEN, ONCE).watchQueueEntry('e')), UnexpectedAnswer);
      },
    );
  }
});

test('a stream that is silent for too long counts as broken', async () => {
  const answer = (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  await serving(answer, async (baseUrl) => {
    const request = {
      method: 'GET',
      url: baseUrl,
      headers: {},
      body: undefined,
      timeoutSeconds: 0.2,
      signal: undefined,
      wantsStream: true,
    };
    // On a busy machine even the head may be too late: the same sentence.
    await assert.rejects(async () => all((await fetchTransport()(request)).chunks), /no answer within/);
  });
});
