// An OAuth2 server with RFC 7662 introspection for the tests: PORT, TTL and SECRET from the environment, loopback only.
// JWT=1: access tokens are JWTs, which it then refuses to introspect.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(process.env.MODULES + '/'));
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
const port = Number(process.env.PORT);
const ttl = Number(process.env.TTL);
const jwt = {
  resourceIndicators: {
    enabled: true,
    defaultResource: () => 'urn:api',
    getResourceServerInfo: () => ({ scope: 'api:read', accessTokenFormat: 'jwt', accessTokenTTL: ttl }),
  },
};
new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'ci',
    client_secret: process.env.SECRET,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    devInteractions: { enabled: false },
    ...(process.env.JWT === '1' ? jwt : {}),
  },
  scopes: ['api:read'],
  ttl: { ClientCredentials: ttl },
}).listen(port, '127.0.0.1', () => console.log('READY'));
