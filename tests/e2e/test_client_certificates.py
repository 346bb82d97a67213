"""Client certificates end to end, over real TLS: who gets in by one, and whose token counts beside one."""

import json
import ssl
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
from aiohttp import web

ROUTES = """\
roles: {prober: {permissions: ["probe:run"]}}
defaults: {upstream: backend}
routes:
  - {id: closed, match: {path: /closed}, auth: mtls, allow: {permissions: ["probe:run"]}}
  - {id: optional, match: {path: /optional}, auth: [mtls, public]}
  - {id: token, match: {path: /token}, auth: id}
"""
SECTIONS = """\
certificates: {{roles: {{probe.test: [prober]}}}}
issuers:
  id: {{issuer: https://id.example, audience: [api], algorithms: [ES256], keys: [{jwk}]}}
"""
CLAIMS = {"iss": "https://id.example", "aud": "api", "sub": "thandi", "exp": 9_999_999_999}


@pytest.fixture
def owner(signer):
    return signer()


@pytest.fixture
async def gateway(serve, backend, authority, owner):
    """A gateway that speaks TLS and asks for a certificate; its backend tells what it sees."""

    async def tell(request):
        return web.json_response(dict(request.headers))

    tls = f'[{{{authority.yaml("a.test")}}}], client_ca: "{authority.file}", client_auth: optional'
    listener = f'address: "127.0.0.1:0", tls: {{certificates: {tls}}}'
    more = SECTIONS.format(jwk=json.dumps(owner.jwk))
    return await serve(await backend(tell), policies=ROUTES, listener=listener, more=more)


@pytest.fixture
def ask(gateway, authority, dial):
    """The status of an answer, and its reason or what the backend saw, for who shows these names."""

    async def asked(path, *names, pair=None, **fields):
        context = authority.client()
        if names or pair:
            context.load_cert_chain(*(pair or authority.issue(*names)))
        client = await dial(gateway.listeners[0].address.port, context, "a.test")
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        head = "\r\n".join([f"GET {path} HTTP/1.1", "Host: a.test", *lines, "Connection: close", "", ""])
        await client.send(head.encode())
        head, _, body = (await client.rest()).partition(b"\r\n\r\n")
        status, members = int(head.split(b" ")[1]), json.loads(body)
        return status, members if status == 200 else members["reason"]

    return asked


def identity(seen):
    return {name: value for name, value in seen.items() if name.startswith("X-Auth-")}


async def test_a_certificate_lets_in_by_its_name(ask):
    status, seen = await ask("/closed", "probe.test")
    assert 200 == status
    assert {
        "X-Auth-Subject": "probe.test",
        "X-Auth-Roles": "prober",
        "X-Auth-Method": "mtls",
    } == identity(seen)


@pytest.mark.parametrize(
    ("path", "names", "expected"),
    [
        pytest.param("/closed", (), (401, "no_credentials"), id="none"),
        pytest.param("/closed", ("other.test",), (403, "missing_permission"), id="another"),
        pytest.param("/closed", ("probe.test", "b.test"), (401, "unusable_certificate"), id="two names"),
        pytest.param("/closed", ("*.test",), (401, "unusable_certificate"), id="a wildcard"),
        pytest.param("/optional", ("a.test", "b.test"), (401, "unusable_certificate"), id="bad, not missing"),
    ],
)
async def test_another_certificate_does_not(ask, path, names, expected):
    assert expected == await ask(path, *names)


async def test_no_field_stands_for_a_certificate(ask):
    """What servers in front tell of certificates is not believed."""
    fields = {"X_Client_Cert": "a", "Client_Cert": ":YQ==:", "X_SSL_Client_Verify": "SUCCESS"}
    assert (401, "no_credentials") == await ask("/closed", **fields)
    assert {} == identity((await ask("/optional", **fields))[1])


async def test_a_bound_token_counts_beside_its_certificate_alone(ask, authority, owner):
    pair = [path.rename(path.with_name(f"bound{path.suffix}")) for path in authority.issue("thandi.test")]
    first, end, _ = pair[0].read_text().partition("-----END CERTIFICATE-----\n")
    digest = sha256(ssl.PEM_cert_to_DER_cert(first + end)).digest()
    thumbprint = urlsafe_b64encode(digest).rstrip(b"=").decode()
    token = owner.token(CLAIMS | {"cnf": {"x5t#S256": thumbprint}}).decode()
    bearer = {"Authorization": f"Bearer {token}"}
    for _ in range(2):
        assert (200, "thandi") == await subject(ask("/token", pair=pair, **bearer))
        assert (401, "bound_token") == await ask("/token", **bearer)
        # Another certificate, for the same name.
        assert (401, "bound_token") == await ask("/token", "thandi.test", **bearer)


async def subject(asking):
    status, seen = await asking
    return status, seen["X-Auth-Subject"]
