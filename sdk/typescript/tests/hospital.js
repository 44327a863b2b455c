// A pretended hospital behind the client's transport: it answers as a test tells it, and notes what it was asked.
import { ClientSecret, HospitalClient, RetryPolicy, TransportFailure } from 'hospital-openapi';

export const BASE_URL = 'https://hospital.example';
export const AT_ONCE = new RetryPolicy({ firstSeconds: 0, longestSeconds: 1 });
export const SECRET = new ClientSecret('app', 's3cret:+ü');

export class Hospital {
  asked = [];
  tokenRequests = [];
  expiresIn = 1800;

  constructor(answers = [], tokenAnswers = []) {
    this.answers = answers;
    this.tokenAnswers = tokenAnswers;
  }

  transport = async (request) => {
    await undefined;
    if (!request.url.endsWith('/oauth/token')) {
      this.asked.push(request);
      return give(this.answers.shift());
    }
    this.tokenRequests.push(request);
    if (this.tokenAnswers.length > 0) return give(this.tokenAnswers.shift());
    const number = this.tokenRequests.length;
    return json({ access_token: `token-${number}`, expires_in: this.expiresIn, scope: 'slots.read queue.read' });
  };

  client(access = SECRET, options = {}) {
    return new HospitalClient(BASE_URL, access, {
      language: 'en',
      retries: AT_ONCE,
      transport: this.transport,
      ...options,
    });
  }

  // What each request said under a name.
  header(name) {
    return this.asked.map((request) => request.headers[name]);
  }
}

async function give(answer) {
  if (answer === undefined) throw new Error('the pretended hospital was asked more often than expected');
  if (typeof answer === 'function') return answer();
  if (answer instanceof Error) throw answer;
  return answer;
}

export const broken = () => new TransportFailure('connection reset');

export function json(value, { status = 200, headers = {} } = {}) {
  return { status, headers: { 'x-request-id': 'r-0', ...headers }, body: JSON.stringify(value) };
}

export function problem(status, code, { headers = {}, ...more } = {}) {
  const told = { type: `/docs#${code}`, title: 't', status, detail: 'd', code, request_id: 'r-1', ...more };
  return json(told, { status, headers: { 'content-type': 'application/problem+json', ...headers } });
}

export const page = (items, next = null) => json({ items, next });

export async function all(iterator) {
  const found = [];
  for await (const one of iterator) found.push(one);
  return found;
}
