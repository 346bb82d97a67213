// `server.js PORT BACKEND POLICIES`: forwards everything to the backend, an origin. POLICIES is JSON: empty, or
// the `network` and its `bits` that clients have to be in, and the fields `removed` from every response.
import { randomUUID } from "node:crypto";
import { Agent, createServer } from "node:http";
import { BlockList } from "node:net";

import express from "express";
import helmet from "helmet";
import { createProxyMiddleware } from "http-proxy-middleware";

const [port, target, text] = process.argv.slice(2);
const policies = text ? JSON.parse(text) : null;

// Helmet's fields as the gateway's preset `api` has them, which leaves these four out over plain HTTP.
const fields = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { "default-src": ["'none'"], "frame-ancestors": ["'none'"] },
  },
  frameguard: { action: "deny" },
  strictTransportSecurity: false,
  originAgentCluster: false,
  xDownloadOptions: false,
  xXssProtection: false,
});

function guard({ network, bits }) {
  const allowed = new BlockList();
  allowed.addSubnet(network, bits);
  return (request, response, next) => {
    if (!allowed.check(request.socket.remoteAddress)) return response.sendStatus(403);
    next();
  };
}

function identify(request, response, next) {
  request.headers["x-request-id"] = randomUUID();
  response.set("X-Request-Id", request.headers["x-request-id"]);
  response.set("Cache-Control", "no-store");
  next();
}

const app = express().disable("x-powered-by");
if (policies) app.use(guard(policies), fields, identify);
app.use(
  createProxyMiddleware({
    target,
    agent: new Agent({ keepAlive: true, maxSockets: 256 }),
    xfwd: policies !== null,
    on: {
      proxyRes(answer) {
        for (const name of policies?.removed ?? []) delete answer.headers[name.toLowerCase()];
      },
    },
  }),
);

const server = createServer(app);
server.keepAliveTimeout = 3_600_000;
server.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });
