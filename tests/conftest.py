"""What many tests need: a configuration from text, the gateway of it, and both its sides on real sockets."""

import asyncio
import json
import logging
import socket
import ssl
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from shutil import copytree
from struct import pack
from textwrap import dedent
from typing import Any, final

import pytest
from aiohttp import ClientSession, DummyCookieJar, web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import HealthCheck, settings
from jwt.algorithms import get_default_algorithms
from prometheus_client import parser as plain
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from trustme import CA

from gateway import build
from gateway.app import Gateway
from gateway.config.load import load, load_snapshot
from gateway.config.snapshot import Snapshot
from gateway.peers import Peers
from gateway.policy import Pipeline, Policy
from gateway.ports import LivePorts
from gateway.rehearsal import RehearsalPorts, Stage
from gateway.routing import Match, Router
from gateway.telemetry import report

ROOT = Path(__file__).parent.parent
# How long anything on loopback may take before a test gives up on it.
PATIENCE = 5.0
# More than any message of a test.
STREAM_LIMIT = 32 << 20

# The words in capitals are what a test may say otherwise.
GATEWAY = """\
version: 1
name: test-gateway
admin: {ADMIN}
listeners: [{LISTENER}]
upstreams: {backend: {endpoints: ["${env:BACKEND:-http://127.0.0.1:1}"], UPSTREAM}}
policies: [policies]
defaults: {headers: {HEADERS}, DEFAULTS}
"""
WORDS = ("ADMIN", "LISTENER", "UPSTREAM", "HEADERS", "DEFAULTS")
ADDRESS = 'address: "127.0.0.1:0"'

# No test's gateway writes on the standard output of the tests, unless its text says something of telemetry.
QUIET = "telemetry: {access_log: {format: none}}\n"

POLICIES = """\
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-compiled", action="store_true", help="fail unless the data path is compiled")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--require-compiled") and build() != "compiled":
        raise pytest.UsageError("the data path is not compiled: make test-compiled")
    # How long an example takes says more about the machine than about us.
    settings.register_profile(
        "gateway", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("gateway")


NOW = 1_800_000_000
CLAIMS = {"iss": "https://id.example", "aud": "api", "sub": "thandi", "exp": NOW + 600}


@final
class Signer:
    """An issuer's private key: `jwk` is what the world sees of it."""

    def __init__(self, algorithm: str, kid: str | None, private: Any) -> None:
        self._algorithm = get_default_algorithms()["EdDSA" if algorithm == "Ed25519" else algorithm]
        self._private = private
        self._header = {"alg": algorithm} | ({"kid": kid} if kid else {})
        self.public = private if isinstance(private, bytes) else private.public_key()
        jwk = self._algorithm.to_jwk(self.public, as_dict=True)
        self.jwk = {name: value for name, value in jwk.items() if name != "key_ops"}
        self.jwk |= {"alg": algorithm, "use": "sig"} | ({"kid": kid} if kid else {})

    def token(self, claims: Mapping[str, Any] | bytes = CLAIMS, **header: Any) -> bytes:
        """A token; a claim or a member of the header that is None is left out."""
        head = {name: value for name, value in (self._header | header).items() if value is not None}
        if not isinstance(claims, bytes):
            claims = json.dumps({name: value for name, value in claims.items() if value is not None}).encode()
        return self.signed(json.dumps(head).encode(), claims)

    def signed(self, header: bytes, payload: bytes) -> bytes:
        """A token of these two texts, whatever they are."""
        message = b".".join(map(base64url, (header, payload)))
        return message + b"." + base64url(self._algorithm.sign(message, self._private))


def base64url(raw: bytes) -> bytes:
    """Base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=")


@pytest.fixture(scope="session")
def signer() -> Callable[..., Signer]:
    """Make the signer of an algorithm and a name, each once; a secret is of the size of its hash."""
    made: dict[tuple[str, str | None], Signer] = {}

    def private(algorithm: str) -> Any:
        if algorithm[:2] in ("RS", "PS"):
            return rsa.generate_private_key(65537, 2048)
        if algorithm[:2] == "ES":
            curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
            return ec.generate_private_key(curves[algorithm])
        if algorithm[:2] == "HS":
            return b"s" * (int(algorithm[2:]) // 8)
        return ed25519.Ed25519PrivateKey.generate()

    def make(algorithm: str = "ES256", kid: str | None = "first") -> Signer:
        if (algorithm, kid) not in made:
            made[algorithm, kid] = Signer(algorithm, kid, private(algorithm))
        return made[algorithm, kid]

    return make


@pytest.fixture(autouse=True)
def quiet_after() -> Iterator[None]:
    """A test that sets up the program's log leaves none behind that writes to what is closed by then."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers, root.level = handlers, level


@pytest.fixture
def ports() -> LivePorts:
    """The ports of the gateways of this test, which share what outlives a configuration."""
    return LivePorts()


@pytest.fixture
def snapshot(tmp_path: Path, ports: LivePorts) -> Callable[..., Snapshot]:
    """Make a Snapshot from the text of gateway.yaml (the default one unless given) and of a file of policies.

    `admin`, `listener` and `headers` are what stands there in the default one; `upstream` is what its backend
    has beside the endpoint, such as `host: endpoint`, `defaults` what stands there beside the headers; `more`
    follows whatever text it is.
    """

    def make(
        policies: str = POLICIES,
        *,
        gateway: str = GATEWAY,
        more: str = "",
        admin: str = ADDRESS,
        listener: str = ADDRESS,
        upstream: str = "",
        headers: str = "preset: none",
        defaults: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> Snapshot:
        folder = tmp_path / "configuration"
        (folder / "policies").mkdir(parents=True, exist_ok=True)
        for word, text in zip(WORDS, (admin, listener, upstream, headers, defaults), strict=True):
            gateway = gateway.replace(word, text)
        text = gateway + dedent(more)
        (folder / "gateway.yaml").write_text(text if "telemetry:" in text else f"{text}\n{QUIET}")
        (folder / "policies" / "routes.yaml").write_text(dedent(policies))
        return load_snapshot(folder / "gateway.yaml", environ or {}, ports)

    return make


@pytest.fixture
def stage(snapshot: Callable[..., Snapshot], tmp_path: Path) -> Callable[..., Stage]:
    """Make a Stage on which it is NOW: the arguments are those of `snapshot`."""

    def make(*arguments: str, **words: str) -> Stage:
        snapshot(*arguments, **words)
        path = tmp_path / "configuration" / "gateway.yaml"
        return Stage(load(path, {}), RehearsalPorts(NOW))

    return make


@pytest.fixture
async def backend() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Start an aiohttp application on a free port; gives its URL."""
    async with AsyncExitStack() as stack:

        async def start(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
            application = web.Application(client_max_size=0)
            application.router.add_route("*", "/{rest:.*}", handler)
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, auto_decompress=False)
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        yield start


_LONG_AGO = datetime(2020, 1, 2, tzinfo=UTC)


@final
class Authority:
    """Issues certificates, which stand as PEM files in a folder beside its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._ca = CA()
        self._folder = folder
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.file)

    def issue(self, *names: str, expired: bool = False) -> tuple[Path, Path]:
        """The files of a chain for some names, and of its key."""
        leaf = self._ca.issue_cert(*names, not_after=_LONG_AGO if expired else None)
        chain, key = self.issued(names[0]), self.issued(names[0]).with_suffix(".key")
        chain.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(key)
        return chain, key

    def issued(self, name: str) -> Path:
        """The file of the chain that was last issued for names of which this is the first."""
        return self._folder / f"{name.replace('*', '_')}.crt"

    def locked(self, key: Path | str) -> Path:
        """The file of the same key, which a password protects."""
        locked = Path(key).with_suffix(".locked")
        found = load_pem_private_key(Path(key).read_bytes(), None)
        protection = BestAvailableEncryption(b"a password")
        locked.write_bytes(found.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))
        return locked

    def yaml(self, *names: str, expired: bool = False) -> str:
        """A certificate for some names as gateway.yaml has it."""
        chain, key = self.issue(*names, expired=expired)
        return f'certificate: "{chain}", key: "{key}"'

    def server(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """What a backend with these names speaks."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(*names, expired=expired))
        return context

    def client(self, name: str = "") -> ssl.SSLContext:
        """What a client speaks that trusts this authority; with a name it has a certificate for that."""
        context = ssl.create_default_context(cafile=self.file)
        if name:
            context.load_cert_chain(*self.issue(name))
        return context


@pytest.fixture
def authorities(tmp_path: Path) -> Iterator[Authority]:
    """Authorities that know nothing of each other."""
    return (Authority(tmp_path / f"authority-{number}") for number in count())


@pytest.fixture
def authority(authorities: Iterator[Authority]) -> Authority:
    """One that both sides of a test trust."""
    return next(authorities)


@asynccontextmanager
async def _running(snapshot: Snapshot, ports: LivePorts, peers: Peers | None) -> AsyncIterator[Gateway]:
    gateway = Gateway(snapshot, ports, peers=peers)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


def _with_policies(snapshot: Snapshot, policies: tuple[Policy, ...]) -> Snapshot:
    """The same with one route, the first, whose pipeline is `policies`."""
    route = replace(snapshot.routes[0], pipeline=Pipeline(policies))
    unmatched = snapshot.router.unmatched
    router = Router([(Match(None, route.pattern), route)], unmatched, lambda allow: unmatched)
    return replace(snapshot, routes=(route,), router=router)


@pytest.fixture
async def serve(
    snapshot: Callable[..., Snapshot], ports: LivePorts
) -> AsyncIterator[Callable[..., Awaitable[Gateway]]]:
    """Run a gateway in this process: the arguments are those of `snapshot`, and the URL of its backend.

    With `pipeline` its first route is the only one, and these policies are all that it asks. With `peers` it
    is one of several workers.
    """
    async with AsyncExitStack() as stack:

        async def start(
            backend: str = "http://127.0.0.1:1",
            *,
            pipeline: tuple[Policy, ...] = (),
            peers: Peers | None = None,
            **configuration: str,
        ) -> Gateway:
            made = snapshot(**configuration, environ={"BACKEND": backend})
            made = _with_policies(made, pipeline) if pipeline else made
            return await stack.enter_async_context(_running(made, ports, peers))

        yield start


@final
class Stream:
    """One end of a TCP connection, byte by byte. What has to be waited for comes within five seconds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Write, and wait until the other side takes it."""
        self._writer.write(data)
        async with asyncio.timeout(PATIENCE):
            await self._writer.drain()

    async def until(self, mark: bytes) -> bytes:
        """What comes up to and with `mark`. Raises asyncio.IncompleteReadError where the end comes first."""
        async with asyncio.timeout(PATIENCE):
            return await self._reader.readuntil(mark)

    async def head(self) -> bytes:
        """The next head, with the empty line behind it."""
        return await self.until(b"\r\n\r\n")

    async def exactly(self, size: int) -> bytes:
        """The next `size` bytes."""
        async with asyncio.timeout(PATIENCE):
            return await self._reader.readexactly(size)

    async def rest(self) -> bytes:
        """Everything up to the end, whether the other side closed or reset, or broke off TLS."""
        gathered = bytearray()
        async with asyncio.timeout(PATIENCE):
            try:
                while piece := await self._reader.read(65536):
                    gathered += piece
            except (ConnectionResetError, ssl.SSLError):
                pass
        return bytes(gathered)

    def pause(self) -> None:
        """Take nothing more from the socket."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def resume(self) -> None:
        """Undo `pause`."""
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]

    def end(self) -> None:
        """Say that nothing more comes, and go on reading."""
        self._writer.write_eof()

    def close(self) -> None:
        """Leave; what was sent still arrives."""
        self._writer.close()

    def cut(self) -> None:
        """Leave at once, with a reset."""
        if not self._writer.is_closing():
            taken = self._writer.get_extra_info("socket")
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        self._writer.transport.abort()


@final
class Script:
    """A backend that does what a test tells it, connection by connection."""

    def __init__(self) -> None:
        self.connections: asyncio.Queue[Stream] = asyncio.Queue()
        self.taken: list[Stream] = []
        self.url = ""

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The server's callback."""
        stream = Stream(reader, writer)
        self.taken.append(stream)
        self.connections.put_nowait(stream)

    async def accept(self) -> Stream:
        """The next connection that the gateway makes."""
        async with asyncio.timeout(PATIENCE):
            return await self.connections.get()

    async def requested(self) -> tuple[Stream, bytes]:
        """The next connection, and the head of the request on it."""
        stream = await self.accept()
        return stream, await stream.head()


@pytest.fixture
async def scripted() -> AsyncIterator[Callable[..., Awaitable[Script]]]:
    """Start a Script on a free port, with `tls` if need be, or on the path of a Unix socket."""
    async with AsyncExitStack() as stack:

        async def start(path: str = "", *, tls: ssl.SSLContext | None = None) -> Script:
            script = Script()
            if path:
                server = await asyncio.start_unix_server(script.take, path, limit=STREAM_LIMIT)
            else:
                server = await asyncio.start_server(script.take, "127.0.0.1", 0, limit=STREAM_LIMIT, ssl=tls)
            stack.callback(lambda: [stream.cut() for stream in script.taken])
            stack.callback(server.close)
            name = server.sockets[0].getsockname()
            scheme = "https" if tls else "http"
            script.url = f"unix:{path}" if path else f"{scheme}://{name[0]}:{name[1]}"
            return script

        yield start


@pytest.fixture
async def dial() -> AsyncIterator[Callable[..., Awaitable[Stream]]]:
    """Connect to a port of loopback, as a client that can write anything; with `tls` it asks for a name."""
    streams = []

    async def open(port: int, tls: ssl.SSLContext | None = None, name: str | None = None) -> Stream:
        async with asyncio.timeout(PATIENCE):
            stream = Stream(
                *await asyncio.open_connection(
                    "127.0.0.1", port, limit=STREAM_LIMIT, ssl=tls, server_hostname=name
                )
            )
        streams.append(stream)
        return stream

    yield open
    for stream in streams:
        stream.cut()


@pytest.fixture
def connect(dial: Callable[..., Awaitable[Stream]]) -> Callable[..., Awaitable[Stream]]:
    """Connect to a gateway's first listener, with `tls` and a name if need be."""
    return lambda gateway, *secured: dial(gateway.listeners[0].address.port, *secured)


@pytest.fixture
def collectors() -> Iterator[Callable[..., Any]]:
    """Start a collector of spans on a free port, for `http/protobuf` or `grpc`: see `otlp.Collector`."""
    import otlp  # Few tests need it, and gRPC is slow to load.

    with ExitStack() as stack:

        def start(protocol: str = "http/protobuf") -> Any:
            made, end = otlp.grpc_collector() if protocol == "grpc" else otlp.http_collector()
            stack.callback(end)
            return made

        yield start


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """A client that takes bodies as they come and follows nothing by itself."""
    async with ClientSession(auto_decompress=False, cookie_jar=DummyCookieJar()) as session:
        yield session


@final
class Scrape:
    """A metrics page: `families` by their names, and the values of its series."""

    def __init__(self, text: str, families: Iterable[Metric]) -> None:
        self.text = text
        self.families = {family.name: family for family in families}
        self.samples = [sample for family in self.families.values() for sample in family.samples]
        self.values = {
            (sample.name, frozenset(sample.labels.items())): sample.value for sample in self.samples
        }
        assert len(self.samples) == len(self.values), "a series stands there twice"

    def value(self, name: str, **labels: str) -> float:
        """The value of a series with just these labels. Raises KeyError where there is none."""
        return self.values[name, frozenset(labels.items())]

    def total(self, name: str, **labels: str) -> float:
        """The sum of all series of a name that have these labels."""
        wanted = labels.items()
        return sum(each.value for each in self.samples if each.name == name and wanted <= each.labels.items())


OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def scrape(session: ClientSession, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Awaitable[Scrape]]:
    """Read the metrics page of a gateway, in the format that `accept` asks for, and with its own parser.

    It is made for each who reads it: what happened just before is on it.
    """
    monkeypatch.setattr(report, "KEPT_FOR", 0.0)

    async def read(gateway: Gateway, accept: str = "", token: str = "") -> Scrape:
        fields = {"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})
        async with session.get(f"http://{gateway.admin.address}/metrics", headers=fields) as response:
            assert 200 == response.status
            text = await response.text()
        parse = openmetrics if accept == OPENMETRICS else plain
        return Scrape(text, parse.text_string_to_metric_families(text))

    return read


@pytest.fixture
def url() -> Callable[..., str]:
    """The URL of a path at a gateway's first listener."""
    return lambda gateway, path="/": f"http://{gateway.listeners[0].address}{path}"


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Let the loop run until something holds that no socket tells."""

    async def wait(holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110 - what is watched is a number, which sets no event.
                await asyncio.sleep(0)

    return wait


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The repository's own configuration, but on free ports of loopback; gives its gateway.yaml."""
    for name in ("config", "policies"):
        copytree(ROOT / name, tmp_path / name)
    path = tmp_path / "config" / "gateway.yaml"
    text = path.read_text()
    for fixed, free in (("0.0.0.0:8080", "127.0.0.1:0"), ("127.0.0.1:9901", f"127.0.0.1:{_free_port()}")):
        assert fixed in text
        text = text.replace(fixed, free)
    path.write_text(text)
    return path


@final
class Browser:
    """What a browser makes of an answer, step by step as the Fetch standard has it."""

    @staticmethod
    def shows(fields: Sequence[tuple[str, str]], origin: str, *, credentials: bool) -> bool:
        """Whether a script of an origin may read the response with these fields ("CORS check")."""
        allowed = _joined(fields, "access-control-allow-origin")
        if allowed == "*" and not credentials:
            return True
        granted = _joined(fields, "access-control-allow-credentials") == "true"
        return allowed == origin and (granted or not credentials)

    @classmethod
    def sends(
        cls,
        answer: tuple[int, Sequence[tuple[str, str]]],
        origin: str,
        method: str,
        asked: Sequence[str],
        *,
        credentials: bool,
    ) -> bool:
        """Whether the request follows that the preflight asked for ("CORS-preflight fetch", step 7)."""
        status, fields = answer
        if not 200 <= status <= 299 or not cls.shows(fields, origin, credentials=credentials):
            return False
        methods = _members(fields, "access-control-allow-methods")
        names = {name.lower() for name in _members(fields, "access-control-allow-headers")}
        usual = method in ("GET", "HEAD", "POST") or method in methods
        if not usual and (credentials or "*" not in methods):
            return False
        others = {name.lower() for name in asked} - names
        return not others or (not credentials and "*" in names and "authorization" not in others)


def _joined(fields: Sequence[tuple[str, str]], name: str) -> str | None:
    values = [value for raw, value in fields if raw.lower() == name]
    return ", ".join(values) if values else None


def _members(fields: Sequence[tuple[str, str]], name: str) -> set[str]:
    return {member.strip() for member in (_joined(fields, name) or "").split(",")} - {""}


@pytest.fixture(scope="session")
def browser() -> type[Browser]:
    """The CORS protocol from the other side."""
    return Browser


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
