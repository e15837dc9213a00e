// An OpenID Connect provider for tests: npm's oidc-provider, with its own pages to sign in. Prints its issuer and serves
// until its standard input ends. `POST /mode` with a word makes it lie in one way from then on; see `lies`.
import { createServer } from 'node:http';

import { SignJWT, decodeJwt, exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const [callback, clientId, clientSecret] = process.argv.slice(2);
const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const strangers = await generateKeyPair('RS256');
const jwk = { ...await exportJWK(privateKey), kid: 'first', alg: 'RS256', use: 'sig' };

// Whoever signs in is whom they say: `zhang`, or `zhang+8613800000000` with a phone that is verified, `zhang-86…` with one that
// is not.
const account = (id) => {
  const [, sign, phone] = id.match(/([+-])(\d+)$/) ?? [];
  return { accountId: id, claims: () => ({ sub: id, ...(phone && { phone_number: `+${phone}`, phone_number_verified: sign === '+' }) }) };
};

const server = createServer();
await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [callback], id_token_signed_response_alg: 'RS256' }],
  jwks: { keys: [jwk] },
  claims: { openid: ['sub'], phone: ['phone_number', 'phone_number_verified'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['for tests alone'] },
  pkce: { required: () => true },
  findAccount: (_, id) => account(id),
});

let mode = 'honest';
const signed = (claims, key, header) => new SignJWT(claims).setProtectedHeader(header).sign(key);
const lies = {
  nonce: (claims) => signed({ ...claims, nonce: 'of another' }, privateKey, { alg: 'RS256', kid: 'first' }),
  audience: (claims) => signed({ ...claims, aud: 'another client' }, privateKey, { alg: 'RS256', kid: 'first' }),
  issuer: (claims) => signed({ ...claims, iss: 'http://127.0.0.1:1' }, privateKey, { alg: 'RS256', kid: 'first' }),
  expired: (claims) => signed({ ...claims, iat: claims.iat - 7200, exp: claims.iat - 3600 }, privateKey, { alg: 'RS256', kid: 'first' }),
  key: (claims) => signed(claims, strangers.privateKey, { alg: 'RS256', kid: 'first' }),
  secret: (claims) => signed(claims, new TextEncoder().encode(clientSecret), { alg: 'HS256' }),
  none: (claims) => {
    const part = (it) => Buffer.from(JSON.stringify(it)).toString('base64url');
    return `${part({ alg: 'none' })}.${part(claims)}.`;
  },
};
provider.use(async (ctx, next) => {
  if (ctx.method === 'POST' && ctx.path === '/mode') {
    mode = ctx.query.is;
    ctx.status = 204;
    return;
  }
  if (mode === 'down') {
    ctx.status = 503;
    return;
  }
  await next();
  if (ctx.path === '/token' && lies[mode]) ctx.body.id_token = await lies[mode](decodeJwt(ctx.body.id_token));
});
server.on('request', provider.callback());
console.log(issuer);
process.stdin.resume().on('end', () => process.exit());
