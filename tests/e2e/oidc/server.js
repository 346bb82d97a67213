// An issuer for tests: client credentials, and JWT access tokens for the API. Loopback only.
//
// Each line of standard input is a JWK Set of private keys, of which the first signs and all are published;
// it is answered by a line with the port. The end of standard input ends the program.

import { createServer } from "node:http";
import { once } from "node:events";
import { createInterface } from "node:readline";

import Provider from "oidc-provider";

const AUDIENCE = "azora-api";

// Of what is asked here nothing is kept but opaque tokens, and nobody reads those.
class Nothing {
  async upsert() {}
  async find() {}
}

function settings(jwks) {
  const [{ alg, kid }] = jwks.keys;
  const server = (audience) => ({ scope: "read", audience, accessTokenFormat: "jwt", jwt: { sign: { alg, kid } } });
  return {
    adapter: Nothing,
    jwks,
    clientDefaults: { id_token_signed_response_alg: alg },
    clients: [
      {
        client_id: "client",
        client_secret: "secret",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        getResourceServerInfo: (_, resource) => server(resource === `urn:${AUDIENCE}` ? AUDIENCE : resource),
      },
    },
    ttl: { ClientCredentials: 600 },
  };
}

// Its keys are fixed once it is made: for other keys there is another one.
let answer;
const listener = createServer((request, response) => answer(request, response));
listener.listen(0, "127.0.0.1");
await once(listener, "listening");
const { port } = listener.address();

for await (const line of createInterface({ input: process.stdin })) {
  answer = new Provider(`http://127.0.0.1:${port}`, settings(JSON.parse(line))).callback();
  console.log(port);
}
process.exit();
