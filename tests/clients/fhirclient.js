// npm fhirclient 2.6 under Node's own http server: SMART standalone launch, read, search, refresh.
import { createServer } from 'node:http';
import smart from 'fhirclient';
import { browse, hear, tell } from './conversation.js';

const asked = await hear();
const kept = new Map();
const storage = {
  get: async (name) => kept.get(name),
  set: async (name, value) => (kept.set(name, value), value),
  unset: async (name) => kept.delete(name),
};
let done;
const server = createServer(async (request, response) => {
  try {
    if (request.url === '/launch') {
      await smart(request, response, storage).authorize({
        iss: asked.fhir,
        clientId: asked.client_id,
        scope: asked.scope,
        redirectUri: '/callback',
        pkceMode: 'required',
      });
      return;
    }
    const client = await smart(request, response, storage).ready();
    client.environment.options.refreshTokenWithClientId = true;
    const before = client.state.tokenResponse.access_token;
    const patient = await client.patient.read();
    const appointments = await client.request(`Appointment?patient=${client.patient.id}&_count=1`, { pageLimit: 0, flat: true });
    const slot = await client.request(appointments[0].slot[0].reference);
    const resolved = await client.request(`Appointment/${appointments[0].id}`, { resolveReferences: ['slot'] });
    await client.refresh();
    const again = await client.patient.read();
    done = {
      patient,
      appointments,
      slot,
      resolved: resolved.slot[0].resourceType,
      user: client.user.fhirUser,
      user_id: client.user.id,
      is_new: client.state.tokenResponse.access_token !== before,
      again: again.id,
      challenge: kept.get(kept.get('SMART_KEY'))?.codeVerifier !== undefined,
    };
    response.end('done');
  } catch (error) {
    done = { error: String(error.stack ?? error) };
    response.end('failed');
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const base = `http://127.0.0.1:${server.address().port}`;
const launched = await fetch(`${base}/launch`, { redirect: 'manual' });
const location = await browse(launched.headers.get('location'));
await fetch(location);
tell(done);
