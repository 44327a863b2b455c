// openid-client 6: the whole way of an application with a person before it.
import * as client from 'openid-client';
import { browse, hear, importKey, refusal, tell } from './conversation.js';

const asked = await hear();
const authentication = {
  none: () => client.None(),
  client_secret_basic: () => client.ClientSecretBasic(asked.secret),
  private_key_jwt: async () =>
    client.PrivateKeyJwt({ key: await importKey(asked.key), kid: asked.key.kid }),
};
const config = await client.discovery(
  new URL(asked.issuer),
  asked.client_id,
  asked.metadata ?? {},
  await authentication[asked.method](),
  { execute: [client.allowInsecureRequests] },
);
const DPoP = asked.dpop ? client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) : undefined;
const verifier = client.randomPKCECodeVerifier();
const checks = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce() };
const parameters = {
  redirect_uri: asked.redirect_uri,
  scope: asked.scope,
  resource: asked.resource,
  state: checks.expectedState,
  nonce: checks.expectedNonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
};
const address = asked.par
  ? await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP })
  : client.buildAuthorizationUrl(config, parameters);
const location = new URL(await browse(address.href));

// Mix-up (RFC 9207): an answer of another server, or of none that says its name.
const elsewhere = new URL(location);
elsewhere.searchParams.set('iss', 'https://elsewhere.example');
const nameless = new URL(location);
nameless.searchParams.delete('iss');
const mixed = [
  await refusal(client.authorizationCodeGrant(config, elsewhere, checks)),
  await refusal(client.authorizationCodeGrant(config, nameless, checks)),
];

const tokens = await client.authorizationCodeGrant(config, location, { ...checks, idTokenExpected: true }, undefined, { DPoP });
const claims = tokens.claims();
const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP });
const read = await client.fetchProtectedResource(
  config, tokens.access_token, new URL(`${asked.resource}/Patient/${tokens.patient}`), 'GET', undefined, undefined, { DPoP },
);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
// One that is bound to a key is not changed at every use (FAPI 2.0 section 5.3.2.1).
const refresh_token = refreshed.refresh_token ?? tokens.refresh_token;
await client.tokenRevocation(config, refresh_token);
const after = await refusal(client.refreshTokenGrant(config, refresh_token, undefined, { DPoP }));
tell({
  mixed,
  claims,
  info,
  scope: tokens.scope,
  token_type: tokens.token_type,
  patient: tokens.patient,
  read: { status: read.status, body: await read.json() },
  refreshed: { scope: refreshed.scope, is_new: refreshed.access_token !== tokens.access_token },
  after,
  address: address.search,
});
