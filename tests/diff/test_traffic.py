"""Examples for every pair of routes that any request takes: held against requests of all kinds."""

from itertools import combinations, product
from random import Random

import pytest

from gateway.config.load import load
from gateway.diff.traffic import Example, _pairs, _request, _shared, moves
from gateway.http.match import REST
from gateway.http.template import Kind
from gateway.rehearsal import RehearsalPorts, Stage

GATEWAY = """\
version: 1
upstreams: {a: {endpoints: ["http://127.0.0.1:1"]}}
policies: [policies]
defaults: {auth: public, upstream: a}
"""
SEGMENTS = ("a", "b", "{x}")
HOSTS = ("a.example", "'*.example'", "")
METHODS = ("", "[GET]", "[POST, PUT]")


@pytest.fixture
def stage(tmp_path):
    """A Stage of routes, each written as its `match`."""

    def make(name, matches):
        (tmp_path / name / "policies").mkdir(parents=True)
        lines = [f"  - {{id: r{id}, match: {match}}}\n" for id, match in matches.items()]
        (tmp_path / name / "policies" / "r.yaml").write_text(f"routes:\n{''.join(lines) or '  []'}")
        (tmp_path / name / "gateway.yaml").write_text(GATEWAY)
        return Stage(load(tmp_path / name / "gateway.yaml", {}), RehearsalPorts(0.0))

    return make


def drawn(random):
    """A match that may be any of a few hundred."""
    segments = [random.choice(SEGMENTS) for _ in range(random.randint(0, 3))]
    path = "/" + "/".join(part.replace("x", f"x{number}") for number, part in enumerate(segments))
    path = path.rstrip("/") + random.choice(("", "/{rest...}"))
    host, methods = random.choice(HOSTS), random.choice(METHODS)
    fields = random.choice(("", "", "headers: {X-A: a}", "headers: {X-B: b}", "headers: {X-A: a, X-B: b}"))
    parts = [
        f'path: "{path or "/"}"',
        f"host: {host}" if host else "",
        f"methods: {methods}" if methods else "",
        fields,
    ]
    return f"{{{', '.join(filter(None, parts))}}}"


@pytest.mark.parametrize("seed", range(12))
def test_whatever_route_a_request_takes_has_an_example(stage, seed):
    random = Random(seed)
    pool = {}
    for number in range(9):
        for _ in range(20):
            candidate = {**pool, number: drawn(random)}
            try:
                stage(f"try-{number}-{random.random()}", candidate)
            except Exception:
                continue
            pool = candidate
            break
    old = stage("old", {id: match for id, match in pool.items() if id % 3 != 0})
    new = stage("new", {id: match for id, match in pool.items() if id % 3 != 1})
    assert min(len(old.entries), len(new.entries)) > 2
    found = moves(old, new)
    known = {*old.entries}, {*new.entries}
    texts = (b"a", b"b", b"c")
    paths = [b"/" + b"/".join(parts) for depth in range(5) for parts in product(texts, repeat=depth)]
    fields = [
        frozenset(),
        frozenset([(b"x-a", b"a")]),
        frozenset([(b"x-b", b"b")]),
        frozenset([(b"x-a", b"a"), (b"x-b", b"b")]),
    ]
    hosts = (b"a.example", b"b.example", b"other")
    for path, host, method, sent in product(paths, hosts, ("GET", "PUT", "HEAD", "PATCH"), fields):
        request = _request(method, host, path, sent)
        ids = [each.snapshot.router.route(request)[0].id for each in (old, new)]
        pair = tuple(id if id in ours else "" for id, ours in zip(ids, known, strict=True))
        assert pair in found, (path, host, method, sent)


SPELT, FILLED = [(Kind.LITERAL, b"a"), (Kind.LITERAL, b"b")], (Kind.NAME, b"")


def test_only_shapes_that_cannot_meet_are_never_compared():
    """In the order of all pairs, so that examples stay the same ones."""
    bodies = [body for size in range(4) for body in product((*SPELT, FILLED), repeat=size)]
    shapes = [shape for body in bodies for shape in (body, (*body, REST))]
    Random(3).shuffle(shapes)
    compared = list(_pairs(shapes))
    sharing = [pair for pair in combinations(shapes, 2) if any(_shared(*pair, 5))]
    assert sharing == [pair for pair in compared if any(_shared(*pair, 5))]


def test_hundreds_of_routes_are_not_all_compared_with_each_other():
    names = [(Kind.LITERAL, b"%d" % number) for number in range(800)]
    shapes = [shape for name in names for shape in ((name,), (name, FILLED))]
    assert [] == [*_pairs(shapes)]
    assert 800 == len([*_pairs([*((name,) for name in names), (FILLED,)])])


@pytest.mark.parametrize(
    ("example", "text"),
    [
        pytest.param(Example("GET", "", "/a"), "GET /a", id="any host"),
        pytest.param(Example("GET", "a.example", "/a"), "GET a.example/a", id="a host"),
        pytest.param(Example("OTHER-THAN-THOSE", "", "/a"), "any other method /a", id="any method"),
    ],
)
def test_an_example_is_one_line(example, text):
    assert text == str(example)
