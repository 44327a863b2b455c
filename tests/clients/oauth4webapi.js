// oauth4webapi 3: a backend that proves itself by a key and reads what is its own.
import * as oauth from 'oauth4webapi';
import { hear, importKey, tell } from './conversation.js';

const asked = await hear();
const issuer = new URL(asked.issuer);
const insecure = { [oauth.allowInsecureRequests]: true };
const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
);
const client = { client_id: asked.client_id };
const key = { key: await importKey(asked.key), kid: asked.key.kid };
// SMART Backend Services: meant for the token endpoint, not for the issuer.
const smart = asked.aud_is_token_url
  ? { [oauth.modifyAssertion]: (_header, payload) => { payload.aud = server.token_endpoint; } }
  : undefined;
const prove = oauth.PrivateKeyJwt(key, smart);
const parameters = new URLSearchParams({ scope: asked.scope });
const granted = await oauth.processClientCredentialsResponse(
  server,
  client,
  await oauth.clientCredentialsGrantRequest(server, client, prove, parameters, insecure),
);
const introspected = await oauth.processIntrospectionResponse(
  server,
  client,
  await oauth.introspectionRequest(server, client, prove, granted.access_token, insecure),
);
const read = await oauth.protectedResourceRequest(
  granted.access_token, 'GET', new URL(`${asked.resource}/Appointment`), undefined, undefined, insecure,
);
await oauth.processRevocationResponse(
  await oauth.revocationRequest(server, client, prove, granted.access_token, insecure),
);
tell({ granted, introspected, read: { status: read.status, body: await read.json() } });
