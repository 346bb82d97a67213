"""The console's files: who gets them, what their policy allows, and that they keep to it."""

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import final

import pytest

from gateway.admin import console
from gateway.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "gateway" / "admin" / "static"
SCRIPTS = {path.name: path.read_text() for path in STATIC.glob("*.js")}
TOKEN = "test-token"
MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "/": "text/html"}


@pytest.fixture
async def ask(serve, session):
    """Ask the admin listener of a gateway, without its token; gives status, fields, text."""
    gateway = await serve(admin=f'address: "127.0.0.1:0", token: {TOKEN}')

    async def ask(path, method="GET", **fields):
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        async with session.request(
            method, f"http://{gateway.admin.address}{path}", headers=headers
        ) as response:
            return response.status, response.headers, await response.text()

    return ask


@final
class Page(HTMLParser):
    """What stands in console.html: tags with attributes, and the texts of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self.feed((STATIC / "console.html").read_text())

    def handle_starttag(self, tag, attrs):
        """Note it."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        """Note what a script or a style says."""
        if self.cdata_elem and data.strip():
            self.inline.append(data)

    def values(self, name):
        """All values of an attribute."""
        return [attributes[name] for _, attributes in self.tags if name in attributes]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", sorted(console.PATHS))
async def test_its_files_are_open(ask, path, method):
    """They are the same for everybody and tell nothing of this gateway."""
    status, fields, text = await ask(path, method)
    assert 200 == status
    assert f"{MEDIA_TYPES[path.rpartition('.')[2]]}; charset=utf-8" == fields["Content-Type"]
    assert (method == "HEAD") == (text == "")
    assert TOKEN not in text


@pytest.mark.parametrize("path", sorted(console.PATHS))
async def test_nothing_runs_but_its_own_files(ask, path):
    """And nobody frames them, keeps them, guesses at them, or learns where one comes from."""
    _, fields, _ = await ask(path)
    directives = dict(each.partition(" ")[::2] for each in fields["Content-Security-Policy"].split("; "))
    assert {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    } == directives
    expected = {
        "Cache-Control": "no-store",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Server": "gateway",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    assert expected == {name: fields[name] for name in expected}


@pytest.mark.parametrize(
    ("path", "method", "fields", "status"),
    [
        pytest.param("/", "GET", {"Host": "evil.example"}, 421, id="by a name that was bound to us"),
        pytest.param("/console/console.js", "GET", {"Host": "evil.example"}, 421, id="a script by that name"),
        pytest.param("/", "POST", {}, 403, id="as a form could send it"),
        pytest.param("/", "POST", {"X_Gateway_Admin": "1"}, 405, id="to change it"),
        pytest.param("/console", "GET", {}, 401, id="the folder"),
        pytest.param("/console/", "GET", {}, 401, id="the folder, with a slash"),
        pytest.param("/console/other.js", "GET", {}, 401, id="a file that is none"),
        pytest.param("/console/console.html", "GET", {}, 401, id="the page by the name of its file"),
        pytest.param("/console/%2e%2e/site.py", "GET", {}, 401, id="a file outside"),
        pytest.param("/console/..%2fsite.py", "GET", {}, 401, id="a file outside, with an escaped slash"),
        pytest.param("//", "GET", {}, 401, id="two slashes"),
    ],
)
async def test_nothing_else_is(ask, path, method, fields, status):
    """What is no file of it needs the token, as ever, even to be told that it does not exist."""
    assert status == (await ask(path, method, **fields))[0]


async def test_other_origins_do_not_read_it(serve, session):
    gateway = await serve(admin='address: "127.0.0.1:0", cors: {allow_origins: ["https://a.example"]}')
    url = f"http://{gateway.admin.address}/"
    async with session.get(url, headers={"Origin": "https://a.example"}) as response:
        assert "Access-Control-Allow-Origin" not in response.headers


def test_its_page_loads_only_its_own_files():
    page = Page()
    loaded = {f"/{value}" for name in ("src", "href") for value in page.values(name) if value[0] != "#"}
    imported = {f"/console/{name}" for text in SCRIPTS.values() for name in _imports(text)}
    assert {"/"} | loaded | imported == console.PATHS
    assert len(console.PATHS) == len(list(STATIC.iterdir()))


def test_nothing_stands_inline():
    """The policy would not run it."""
    page = Page()
    assert [] == page.inline
    assert [] == [
        name for _, found in page.tags for name in found if name.startswith("on") or name == "style"
    ]


@pytest.mark.parametrize("name", [path.name for path in STATIC.iterdir()])
def test_nothing_outside_is_named(name):
    """The one URL there is names a format; it is never fetched."""
    text = (STATIC / name).read_text().replace("http://www.w3.org/2000/svg", "")
    assert [] == re.findall(r"https?:|[\"'(]//|url\(|@import|data:", text)


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_no_text_becomes_markup_or_code_and_nothing_is_kept(name):
    """The browser would throw; that it need not is seen here."""
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacent|setHTML|parseFromString|createContextualFragment|document\.write"
        r"|\beval\b|\bFunction\(|localStorage|sessionStorage|indexedDB|\.cookie|postMessage|import\("
    )
    assert [] == re.findall(forbidden, SCRIPTS[name])


def test_all_that_its_scripts_name_stands_in_the_page():
    ids = Page().values("id")
    assert len(set(ids)) == len(ids)
    named = {name for text in SCRIPTS.values() for name in re.findall(r'\bat\("([^"]+)"\)', text)}
    assert named <= set(ids)
    referred = [word for name in ("for", "aria-labelledby", "aria-describedby") for word in _words(name)]
    anchors = [value[1:] for value in Page().values("href") if value.startswith("#")]
    assert {*referred, *anchors} <= set(ids)


def test_everything_to_fill_in_has_a_label():
    page = Page()
    labelled = set(page.values("for"))
    inputs = [found["id"] for tag, found in page.tags if tag in ("input", "select", "textarea")]
    # These stand within theirs.
    assert {"filter", "order", "quiet"} == set(inputs) - labelled


def test_each_metric_that_it_shows_exists():
    named = {
        name for text in SCRIPTS.values() for name in re.findall(r'"((?:gateway|process)_[a-z_]+)"', text)
    }
    assert len(named) > 15
    assert {name.removesuffix("_bucket") for name in named} <= METRICS.keys()


def test_a_wheel_has_its_files():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    packed = {path for pattern in patterns["gateway"] for path in (ROOT / "gateway").glob(pattern)}
    assert set(STATIC.iterdir()) <= packed


def _imports(text):
    return re.findall(r'^import [^"]* from "\./([^"]+)"', text, re.MULTILINE)


def _words(name):
    return [word for value in Page().values(name) for word in value.split()]
