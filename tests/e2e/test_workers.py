"""Several workers behind one supervisor, as real processes: what becomes of requests when one ends."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, web

from gateway.config.snapshot import Address
from gateway.running import readiness

ROOT = Path(__file__).parents[2]
# Seconds that anything may take, on a machine that has more to do.
PATIENCE = 60
LISTENERS = '[{address: "127.0.0.1:0"}]'
CONFIG = """\
version: 1
listeners: {listeners}
admin: {{address: "unix:{folder}/admin.sock"}}
workers: {workers}
telemetry: {{access_log: {{path: "{folder}/access.log"}}}}
timeouts: {{min_drain: 0s, drain: {drain}}}
upstreams: {{backend: {{endpoints: ["{backend}"]}}}}
policies: [policies]
"""
ROUTES = """\
routes:
  - id: all
    match: {{path: "/{{rest...}}"}}
    upstream: backend
    auth: public
    headers: {{preset: none, set: {{X-Generation: "{generation}"}}}}
{more}
"""
TIERS = """\
  - id: counted
    match: {path: /counted}
    upstream: backend
    auth: public
    quota: [daily]
tiers: {daily: {limit: 2/1h, burst: 2, key: address}}
"""


class Running:
    """A supervisor with its workers."""

    def __init__(self, folder, backend):
        self.process = None
        self.folder = folder
        self.backend = backend
        self.place = ""
        self.log = []
        self._reader = None

    async def begin(self):
        self._reader = asyncio.create_task(self._read())
        await self.until(lambda: self.logged("admin on "))
        self.place = re.search(r"127\.0\.0\.1:\d+", self.logged("listening on ")[0])[0]

    async def end(self):
        """Nobody is left, whatever the test has made of them."""
        if self.process.returncode is None:
            for pid in self.children:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.kill()
        await self.process.wait()
        await self._reader
        print(*self.log, sep="\n")

    async def _read(self):
        while line := await self.process.stderr.readline():
            # What is no line of the log is told to whoever started it.
            self.log.append(json.loads(line) if line[:1] == b"{" else {"message": line.decode()})

    def signal(self, number):
        self.process.send_signal(number)

    def logged(self, mark):
        return [line["message"] for line in self.log if mark in line["message"]]

    @property
    def pid(self):
        return self.process.pid

    @property
    def serving(self):
        """Those that serve or did, in the order in which they began to."""
        return [int(said.split()[1]) for said in self.logged(" serves") if said.startswith("worker")]

    @property
    def children(self):
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    async def spare(self):
        """Wait until there is one that takes the next place."""
        await self.until(lambda: set(self._waiting) - set(self.serving))

    @property
    def _waiting(self):
        return [int(said.split()[1]) for said in self.logged(" waits")]

    async def serves(self, count):
        """Wait until so many have begun to serve in all."""
        await self.until(lambda: len(self.serving) >= count)

    async def told(self, count):
        """Wait until so many configurations were told of, the first one among them."""
        await self.until(lambda: len(self.logged("configuration ")) >= count)

    async def until(self, holds):
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110 - what is watched is another process.
                await asyncio.sleep(0.01)

    def write(self, generation, more=""):
        path = self.folder / "policies" / "all.new"
        path.write_text(ROUTES.format(generation=generation, more=more))
        path.rename(self.folder / "policies" / "all.yaml")

    async def ready(self):
        return await asyncio.to_thread(readiness, Address(unix=f"{self.folder}/admin.sock"))

    async def asked(self, path):
        """What the admin listener answers, head and body."""
        reader, writer = await asyncio.open_unix_connection(f"{self.folder}/admin.sock")
        writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path)
        async with asyncio.timeout(PATIENCE):
            text = (await reader.read()).decode()
        writer.close()
        return text

    async def metrics(self, route=""):
        text = await self.asked(b"/metrics")
        labels = rf'\{{.*route="{route}".*\}}' if route else r"(?:\{.*\})?"
        series = re.findall(rf"^(\w+){labels} ([0-9.e+]+)$", text, re.MULTILINE)
        counted = Counter()
        for name, value in series:
            counted[name] += float(value)
        return counted


@pytest.fixture
async def slow():
    """What requests for /slow wait for."""
    return asyncio.Event()


@pytest.fixture
async def start(tmp_path, backend, slow):
    arrived = asyncio.Event()
    begun = []

    async def serve(request):
        if request.path == "/slow":
            arrived.set()
            await slow.wait()
        return web.Response(text="hello")

    url = await backend(serve)
    (tmp_path / "policies").mkdir()

    async def run(workers=2, drain="10s", routes="", listeners=LISTENERS):
        running = Running(tmp_path, url)
        words = {"folder": tmp_path, "backend": url, "workers": workers, "drain": drain}
        (tmp_path / "gateway.yaml").write_text(CONFIG.format(**words, listeners=listeners))
        running.write(0, routes)
        running.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "gateway", "run", "--config", str(tmp_path / "gateway.yaml")),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        running.arrived = arrived
        begun.append(running)
        await running.begin()
        return running

    yield run
    slow.set()
    for running in begun:
        await running.end()


async def ended(*arguments):
    """The exit status of `gateway` with these arguments, and what it has said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "gateway", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Load:
    """Clients that ask again and again, half of them on a new connection each time."""

    def __init__(self, place, clients=8):
        self.place = place
        self.clients = clients
        self.answered = Counter()
        self.failed = []
        self.generation = 0
        self.outdated = 0
        self._done = asyncio.Event()

    async def __aenter__(self):
        self._session = ClientSession()
        self._tasks = [asyncio.create_task(self._ask(number)) for number in range(self.clients)]
        await self.more()
        return self

    async def __aexit__(self, *error):
        self._done.set()
        await asyncio.gather(*self._tasks)
        await self._session.close()

    async def more(self, count=100):
        """Wait for so many more answers."""
        goal = self.answered.total() + count
        async with asyncio.timeout(PATIENCE):
            while self.answered.total() < goal:  # noqa: ASYNC110 - the clients set no event.
                await asyncio.sleep(0.01)

    async def _ask(self, number):
        headers = {"Connection": "close"} if number % 2 else {}
        while not self._done.is_set():
            before = self.generation
            try:
                async with self._session.get(f"http://{self.place}/", headers=headers) as response:
                    await response.read()
                    self.answered[response.status] += 1
                    self.outdated += int(response.headers["X-Generation"]) < before
            except ClientError as error:
                self.failed.append(repr(error))
                await asyncio.sleep(0)


async def test_all_workers_serve_and_the_spare_waits(start):
    running = await start()
    assert 2 == len(running.serving)
    assert await running.ready() is None
    await running.spare()
    async with Load(running.place):
        pass
    running.signal(signal.SIGTERM)
    assert 0 == await running.process.wait()
    lines = (running.folder / "access.log").read_text().splitlines()
    assert len(lines) >= 100
    assert {line["pid"] for line in running.log} >= {running.pid}
    assert [] == [name for name in os.listdir(running.folder) if name.endswith(".sock")]


async def test_a_worker_that_is_killed_is_replaced_and_only_its_own_requests_are_lost(start):
    """Nothing that waits in the queue of its socket is; counters do not go back."""
    running = await start()
    await running.spare()
    async with Load(running.place) as load:
        await running.spare()
        counted = await running.metrics()
        began = time.monotonic()
        os.kill(running.serving[0], signal.SIGKILL)
        await running.serves(3)
        print(f"another serves after {time.monotonic() - began:.3f} s")
        await load.more()
        after = await running.metrics()
        assert after["gateway_requests_total"] >= counted["gateway_requests_total"] > 0
        assert await running.ready() is None
    assert {200} == load.answered.keys()
    # Each client has one request at a time: that one may have been at the worker that was killed.
    assert len(load.failed) <= load.clients
    assert not any("Cannot connect" in failed for failed in load.failed)


@pytest.mark.long
async def test_a_worker_that_is_told_to_end_leaves_its_place_to_another(start):
    """No request is lost, and the gateway is ready all the time."""
    running = await start()
    await running.spare()
    async with Load(running.place) as load:
        os.kill(running.serving[0], signal.SIGTERM)
        await running.until(lambda: not alive(running.serving[0]))
        await running.serves(3)
        assert await running.ready() is None
        await load.more()
    assert (0, {200}) == (len(load.failed), load.answered.keys())
    # All that it had counted it said before it ended; a report is kept for a second.
    async with asyncio.timeout(PATIENCE):
        counted = 0.0
        while counted < load.answered.total():
            counted = (await running.metrics("all"))["gateway_requests_total"]
    assert load.answered.total() == (await running.metrics("all"))["gateway_requests_total"]


@pytest.mark.long
async def test_a_storm_of_deaths_loses_only_what_was_under_way(start):
    """Each of ten workers that are killed is replaced, and no counter goes back."""
    running = await start()
    counted = 0.0
    async with Load(running.place) as load:
        for times in range(10):
            await running.spare()
            os.kill(next(pid for pid in running.serving if alive(pid)), signal.SIGKILL)
            await running.serves(3 + times)
            await load.more(20)
            before, counted = counted, (await running.metrics())["gateway_requests_total"]
            assert counted >= before
    assert {200} == load.answered.keys()
    assert len(load.failed) <= 10 * load.clients
    assert not any("Cannot connect" in failed for failed in load.failed)


async def test_a_reload_is_for_all_of_them_or_for_none(start):
    running = await start()
    async with Load(running.place) as load:
        for generation in range(1, 6):
            running.write(generation)
            running.signal(signal.SIGHUP)
            await running.told(generation + 1)
            load.generation = generation
            await load.more(20)
        running.write("none", more="  - 7")
        running.signal(signal.SIGHUP)
        await running.until(lambda: running.logged("is not taken"))
        assert "all.yaml:" in (await running.asked(b"/config")).split('"problems": [')[1]
        await load.more()
    assert (0, 0, {200}) == (len(load.failed), load.outdated, load.answered.keys())


async def test_whoever_is_asked_reloads_all(start):
    running = await start()
    config = running.folder / "gateway.yaml"
    running.write(1)
    status, out, _ = await ended("reload", "--config", config)
    assert (0, True) == (status, out.startswith("configuration "))
    config.write_text(config.read_text().replace("workers: 2", "workers: 3"))
    status, _, err = await ended("reload", "--config", config)
    assert (1, "gateway: only a new start changes these: workers\n") == (status, err)


@pytest.mark.long
async def test_what_has_changed_since_is_loaded_when_a_worker_is_missing(start):
    """The first that ends is replaced by the spare; the next finds only what the files say now."""
    running = await start()
    running.write(1)
    for times in range(2):
        await running.spare()
        os.kill(running.serving[-1], signal.SIGKILL)
        await running.serves(3 + times)
    await running.until(lambda: [said for said in running.logged("configuration ") if " serves" in said])
    async with Load(running.place) as load:
        load.generation = 1
        await load.more()
    assert (0, 0) == (len(load.failed), load.outdated)


async def test_nobody_is_left_when_the_supervisor_is_gone(start, slow):
    """Not before what is under way has been answered."""
    running = await start()
    await running.spare()
    children = running.children
    async with ClientSession() as session:
        asking = asyncio.create_task(_asked(session, running.place, "/slow"))
        await running.arrived.wait()
        running.signal(signal.SIGKILL)
        await running.until(lambda: sum(map(alive, children)) == 1)
        slow.set()
        assert (200, "hello") == await asking
    await running.until(lambda: not any(map(alive, children)))


async def _asked(session, place, path):
    async with session.get(f"http://{place}{path}") as response:
        return response.status, await response.text()


@pytest.mark.long
async def test_unix_sockets_and_tls_are_served_by_whoever_comes_first(start, authority, tmp_path):
    """And a worker that is replaced loses nothing there either."""
    place = tmp_path / "gateway.sock"
    listeners = (
        f'[{{address: "127.0.0.1:0", tls: {{certificates: [{{{authority.yaml("a.test")}}}]}}}}, '
        f'{{address: "unix:{place}"}}]'
    )
    running = await start(listeners=listeners)
    await running.spare()
    host, _, port = running.place.partition(":")

    async def asked(open_connection):
        reader, writer = await open_connection
        writer.write(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        writer.close()
        return answer[:12]

    context = authority.client()
    for killed in running.serving:
        for _ in range(10):
            secured = asyncio.open_connection(host, int(port), ssl=context, server_hostname="a.test")
            assert b"HTTP/1.1 200" == await asked(secured)
            assert b"HTTP/1.1 200" == await asked(asyncio.open_unix_connection(place))
        await running.spare()
        count = len(running.serving)
        os.kill(killed, signal.SIGTERM)
        await running.serves(count + 1)
    running.signal(signal.SIGTERM)
    assert 0 == await running.process.wait()
    assert not place.exists()


async def test_all_of_them_drain(start, slow):
    """Not ready from then on, and no connection is taken; a request under way is answered."""
    running = await start()
    async with ClientSession() as session:
        asking = asyncio.create_task(_asked(session, running.place, "/slow"))
        await running.arrived.wait()
        running.signal(signal.SIGTERM)
        await running.until(lambda: running.logged("draining"))
        host, _, port = running.place.partition(":")

        async def taken():
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError as error:
                return not isinstance(error, ConnectionRefusedError)
            writer.close()
            return True

        async with asyncio.timeout(PATIENCE):
            while await taken():
                pass
        assert await running.ready() is not None
        slow.set()
        assert (200, "hello") == await asking
    assert 0 == await running.process.wait()
    assert ["stopped"] == running.logged("stopped")


@pytest.mark.long
async def test_a_second_signal_ends_all_at_once(start):
    running = await start(drain="10m")
    children = running.children
    async with ClientSession() as session:
        asking = asyncio.create_task(_asked(session, running.place, "/slow"))
        await running.arrived.wait()
        running.signal(signal.SIGINT)
        await running.until(lambda: running.logged("draining"))
        running.signal(signal.SIGINT)
        with pytest.raises(ClientError):
            await asking
    assert 0 == await running.process.wait()
    assert not any(map(alive, children))


async def test_a_worker_that_cannot_serve_ends_the_start_with_one_line(tmp_path):
    (tmp_path / "policies").mkdir()
    path = tmp_path / "gateway.yaml"
    words = {"folder": tmp_path, "backend": "http://127.0.0.1:1", "workers": 2, "drain": "1s"}
    text = CONFIG.format(**words, listeners=LISTENERS)
    path.write_text(text.replace("access.log", "nowhere/access.log"))
    status, out, err = await ended("run", "--config", path)
    assert (1, "") == (status, out)
    assert err.splitlines()[-1].startswith("gateway: ")
    assert "nowhere/access.log: No such file" in err
    assert "Traceback" not in err


async def test_a_worker_is_nothing_to_start_by_hand(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.workers"), stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    assert (2, 1, True) == (process.returncode, len(err.splitlines()), err.startswith(b"gateway: "))


async def test_a_restart_replaces_every_worker_and_the_supervisor_and_loses_nothing(start):
    """The process id stays, and what has been counted: of requests and of quotas."""
    running = await start(routes=TIERS)
    await running.spare()
    spent = [await _asked_for(running.place, "/counted") for _ in range(3)]
    assert [200, 200, 429] == spent
    async with Load(running.place) as load:
        counted = await running.metrics()
        before = set(running.children)
        running.write(1, TIERS)
        running.signal(signal.SIGUSR2)
        await running.until(lambda: len(running.logged("Azora Gateway")) == 2)
        load.generation = 1
        await load.more()
        await running.until(lambda: not before & set(running.children))
        assert 429 == await _asked_for(running.place, "/counted")
        after = await running.metrics()
        assert after["gateway_requests_total"] > counted["gateway_requests_total"] > 0
        assert 0 == after["gateway_worker_deaths_total"]
        await running.spare()
        assert await running.ready() is None
        # Whoever has taken over does all that the one before did.
        os.kill(running.serving[-1], signal.SIGKILL)
        await running.until(lambda: len(running.serving) == 5)
        running.write(2, TIERS)
        told = len(running.logged("configuration "))
        running.signal(signal.SIGHUP)
        await running.until(lambda: len(running.logged("configuration ")) > told)
        load.generation = 2
        await load.more()
    assert (load.clients >= len(load.failed), 0, {200}) == (True, load.outdated, load.answered.keys())
    running.signal(signal.SIGTERM)
    assert 0 == await running.process.wait()


@pytest.mark.long
async def test_a_restart_into_what_does_not_load_ends_with_the_first(start):
    """Whoever serves serves on."""
    running = await start()
    await running.spare()
    before = set(running.serving)
    (running.folder / "policies" / "all.yaml").write_text("routes: 7")
    async with Load(running.place) as load:
        running.signal(signal.SIGUSR2)
        await running.until(lambda: running.logged("the restart stops"))
        await load.more()
    assert (0, {200}) == (len(load.failed), load.answered.keys())
    assert before <= set(running.children)


async def _asked_for(place, path):
    async with ClientSession() as session, session.get(f"http://{place}{path}") as response:
        return response.status
