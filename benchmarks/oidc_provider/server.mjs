// The peer of `./hospital bench oauth`: npm's oidc-provider with what our own server does for the same requests,
// in memory: client_credentials by secret and by private_key_jwt (ES256), ES256 JWT access tokens for one resource.
// Started as `node server.mjs PORT`, with its settings as JSON on standard input.
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const settings = JSON.parse(readFileSync(0, 'utf8'));
const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const resource = `${issuer}/open/v1`;
const common = {
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  id_token_signed_response_alg: 'ES256',
  scope: settings.scope,
};

const provider = new Provider(issuer, {
  clients: [
    { ...common, client_id: settings.secretClient, client_secret: settings.secret },
    {
      ...common,
      client_id: settings.keyedClient,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: settings.clientKeys,
    },
  ],
  jwks: settings.signingKeys,
  scopes: settings.scope.split(' '),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: settings.scope,
        audience: resource,
        accessTokenTTL: 1800,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});
provider.listen(port, '127.0.0.1');
