// node sockets.mjs URL TOKEN SESSION: the client of graphql-ws against subscriptions, and the codes by which the
// protocol ends a connection that does not keep to it.
import assert from 'node:assert/strict';
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [, , url, token, sessionId] = process.argv;
const authorization = `Bearer ${token}`;
const figures = {
  query: 'subscription($sessionId: ID!) { sessionFigures(sessionId: $sessionId) { expected present } }',
  variables: { sessionId },
};

const client = (options) =>
  createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams: { authorization }, ...options });

/** All that an operation gives, or how it fails. */
const all = async (client, payload, most = Infinity) => {
  const results = [];
  for await (const result of client.iterate(payload)) {
    results.push(result);
    if (results.length >= most) break;
  }
  return results;
};

const failure = async (client, payload) => {
  try {
    await all(client, payload);
  } catch (error) {
    return error;
  }
  assert.fail('it does not fail');
};

/** The code by which a raw socket is closed that says this, one message after each answer. */
const closed = (messages, { protocol = GRAPHQL_TRANSPORT_WS_PROTOCOL } = {}) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocol ? [protocol] : []);
    const left = [...messages];
    const say = () => {
      const next = left.shift();
      if (next !== undefined) socket.send(typeof next === 'string' ? next : JSON.stringify(next));
    };
    socket.on('open', say);
    socket.on('message', say);
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    socket.on('error', reject);
  });

const init = { type: 'connection_init', payload: { authorization } };
const subscribe = { id: '1', type: 'subscribe', payload: figures };

const tests = {
  async 'a query gives one result and completes'() {
    const it = client();
    assert.deepEqual(await all(it, { query: '{ __typename }' }), [{ data: { __typename: 'Query' } }]);
    await it.dispose();
  },

  async 'a subscription gives what there is at once, and is let go'() {
    const it = client();
    const [first] = await all(it, figures, 1);
    assert.equal(first.data.sessionFigures.present, 0);
    // The same socket goes on.
    assert.equal((await all(it, { query: '{ __typename }' })).length, 1);
    await it.dispose();
  },

  async 'many operations share a socket'() {
    let opened = 0;
    const it = client({ on: { opened: () => opened++ } });
    const results = await Promise.all(Array.from({ length: 50 }, () => all(it, figures, 1)));
    assert.ok(results.every(([result]) => result.data));
    assert.equal(opened, 1);
    await it.dispose();
  },

  async 'what is refused comes as errors with their codes'() {
    const it = client();
    for (const [query, code] of [
      ['{', 'GRAPHQL_PARSE_FAILED'],
      ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
      ['subscription { a: __typename b: __typename }', 'GRAPHQL_VALIDATION_FAILED'],
    ]) {
      const errors = await failure(it, { query });
      assert.equal(errors[0].extensions.code, code, query);
    }
    const errors = await failure(it, { ...figures, variables: { sessionId: sessionId.replace(/.$/, (c) => (c === '0' ? '1' : '0')) } });
    assert.equal(errors[0].extensions.code, 'NOT_FOUND');
    await it.dispose();
  },

  async 'the client is alive as long as the server answers its pings'() {
    let pongs = 0;
    let told;
    const twice = new Promise((resolve) => (told = resolve));
    const it = client({ keepAlive: 10, lazy: false, on: { pong: (received) => received && ++pongs === 2 && told() } });
    await twice;
    await it.dispose();
  },

  async 'a token that is no good is 4403'() {
    const it = client({ connectionParams: { authorization: 'Bearer no.such.token' } });
    assert.equal((await failure(it, figures)).code, CloseCode.Forbidden);
    const without = client({ connectionParams: {} });
    assert.equal((await failure(without, figures)).code, CloseCode.Forbidden);
  },

  async 'what is no message is 4400'() {
    const binary = await new Promise((resolve) => {
      const socket = new WebSocket(url, [GRAPHQL_TRANSPORT_WS_PROTOCOL]);
      socket.on('open', () => socket.send(Buffer.from([1, 2, 3])));
      socket.on('close', resolve);
    });
    assert.equal(binary, CloseCode.BadRequest);
    for (const message of ['', '{', '[]', '{}', '{"type":"nothing"}', '{"type":"subscribe"}', 'é'.repeat(1000)]) {
      const { code, reason } = await closed([message]);
      assert.equal(code, CloseCode.BadRequest, message);
      assert.ok(reason.length > 0);
    }
    assert.equal((await closed([init, { ...subscribe, payload: {} }])).code, CloseCode.BadRequest);
  },

  async 'an operation before the acknowledgement is 4401'() {
    assert.equal((await closed([subscribe])).code, CloseCode.Unauthorized);
  },

  async 'no initialisation in time is 4408'() {
    assert.equal((await closed([])).code, CloseCode.ConnectionInitialisationTimeout);
  },

  async 'an id that is in use is 4409'() {
    const { code } = await closed([init, subscribe, subscribe]);
    assert.equal(code, CloseCode.SubscriberAlreadyExists);
  },

  async 'a second initialisation is 4429'() {
    assert.equal((await closed([init, init])).code, CloseCode.TooManyInitialisationRequests);
  },

  async 'another protocol is 4406'() {
    assert.equal((await closed([], { protocol: null })).code, CloseCode.SubprotocolNotAcceptable);
  },
};

let failed = 0;
await Promise.all(
  Object.entries(tests).map(async ([name, test]) => {
    try {
      await test();
    } catch (error) {
      failed++;
      console.log(`${name}: ${error.stack ?? JSON.stringify(error)}`);
    }
  }),
);
console.log(`${Object.keys(tests).length - failed} of ${Object.keys(tests).length} claims`);
process.exit(failed === 0 ? 0 : 1);
