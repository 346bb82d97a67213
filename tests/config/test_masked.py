"""What of a file may be told, key by key of the schema, and what never is."""

import re
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest

from gateway.config.interpolation import Interpolation, Resolved
from gateway.config.masked import MASK, bare, masked_gateway, masked_key, masked_policies
from gateway.config.schema.gateway import GatewaySpec
from gateway.config.schema.model import Reads, Spec
from gateway.config.schema.policies import PoliciesSpec
from gateway.config.source import read

EVERYTHING = (Path(__file__).parents[2] / "examples" / "everything.yaml").read_text().partition("\n---\n")
FILES = ["gateway.yaml", "a file of policies"]

# Every key of the schema with a text that is told where it stands in the file itself. A key that is new to
# the schema and free text stands here only once somebody has judged that it holds no secret.
TOLD_TEXTS = {
    *("listeners.tls.certificates.certificate", "listeners.tls.certificates.key", "listeners.tls.client_ca"),
    *(
        "upstreams.tls.ca",
        "upstreams.tls.certificate",
        "upstreams.tls.key",
        "issuers.introspection.client_id",
    ),
    *("issuers.audience", "issuers.claims.subject", "issuers.claims.roles", "issuers.claims.scopes"),
    *("api_keys.file", "basic_users.file", "telemetry.traces.baggage", "telemetry.access_log.path"),
    *("policies", "headers.set", "headers.default", "headers.remove", "allow.when"),
    *("validate.schema", "validate.openapi", "validate.query"),
    *("match.path", "redirect.to", "respond.body", "rewrite.path"),
}


def filled(shape: Any, text: Any, path: tuple[str, ...] = (), reads: Any = None) -> Any:
    """A value of a shape in which every text that can be is `text(path, reads)`; every key is there."""
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is Annotated:
        found = next((note.parse for note in arguments[1:] if isinstance(note, Reads)), reads)
        return text(path, found) if found else filled(arguments[0], text, path)
    if origin in (Union, UnionType):
        # The widest of what may stand there.
        members = [each for each in arguments if each is not type(None)]
        return filled(members[-1], text, path)
    if origin is tuple:
        return [filled(arguments[0], text, path)]
    if origin is dict:
        return {"name": filled(arguments[1], text, path)}
    if isinstance(shape, type) and issubclass(shape, Spec):
        found = {}
        for name, field in shape.model_fields.items():
            key = field.alias or name
            parse = next((note.parse for note in field.metadata if isinstance(note, Reads)), None)
            here = (*path, key)
            found[key] = text(here, parse) if parse else filled(field.annotation, text, here)
        return found
    if origin is Literal:
        return arguments[0]
    return text(path, None) if shape in (str, Any) else shape()


def texts(value: object) -> list[str]:
    """Every text in a value, names of members aside."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


def resolved(value: str) -> Resolved:
    text = Resolved(value)
    text.origin = "${env:SECRET:-s3cr3t}"
    return text


def test_free_texts_are_told_of_these_keys_alone():
    """Whatever the schema gains is masked until it is judged."""
    free = set()

    def text(path, reads):
        if reads is not None:
            return "1s"
        free.add(path)
        return f"marker {'.'.join(path)}"

    told = [
        *texts(masked_gateway(filled(GatewaySpec, text))),
        *texts(masked_policies(filled(PoliciesSpec, text))),
    ]
    found = {text.removeprefix("marker ") for text in told if text.startswith("marker ")}
    # The same keys stand in defaults, in routes, and in the policies that have a name.
    keys = {re.sub(r"^(defaults|routes)\.", "", name) for name in found}
    assert TOLD_TEXTS == keys
    assert {path[-1] for path in free} - {name.rpartition(".")[2] for name in keys} >= {"token", "secret"}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(("admin", "token"), id="the token of the admin listener"),
        pytest.param(("quota_store", "redis"), id="the URL of Redis, with its password"),
        pytest.param(("issuers", "name", "secret"), id="a shared secret"),
        pytest.param(("issuers", "name", "keys"), id="keys that should be public"),
        pytest.param(("issuers", "name", "introspection", "client_secret"), id="our secret at an endpoint"),
        pytest.param(("defaults", "request_headers", "set", "name"), id="what is shown to a service"),
    ],
)
def test_secrets_are_masked_whole(path):
    told = masked_gateway(filled(GatewaySpec, lambda path, reads: "a-secret"))
    for part in path:
        told = told[part]
    assert MASK == told


def test_what_a_route_asks_of_fields_is_masked():
    """It may be what a network in front shows to be let in."""
    match = {"path": "/a", "headers": {"X-Origin-Verify": "a-secret"}}
    assert {"path": "/a", "headers": {"X-Origin-Verify": MASK}} == masked_key("match", match)


@pytest.mark.parametrize(
    ("told", "spec"), [(masked_gateway, GatewaySpec), (masked_policies, PoliciesSpec)], ids=FILES
)
def test_nothing_from_outside_is_told_but_numbers_words_and_addresses(told, spec):
    """Each text of the schema in turn, whatever its key, holds a marker that came by `${...}`."""
    harmless = {
        *("duration", "pause", "moment", "size", "rate", "percent", "target"),
        *("network", "listening", "endpoint", "method"),
    }
    markers = {}

    def text(path, reads):
        if reads is not None and reads.__name__ in harmless:
            return "1s"
        marker = f"https://marker{len(markers)}.example/marker{len(markers)}-path?marker{len(markers)}-query"
        markers[marker] = reads.__name__ if reads is not None else ""
        return resolved(marker if markers[marker] == "url" else marker.removeprefix("https://"))

    said = str(told(filled(spec, text)))
    for marker, reads in markers.items():
        number = re.search(r"marker(\d+)", marker)[1]
        host, path = f"marker{number}.example", f"marker{number}-"
        assert path not in said
        # The host of a URL is no more than an address.
        assert (reads == "url") == (host in said), (reads, marker)


@pytest.mark.parametrize(
    ("told", "yaml"), [(masked_gateway, EVERYTHING[0]), (masked_policies, EVERYTHING[2])], ids=FILES
)
def test_what_stands_in_the_file_is_told_as_it_stands_there(told, yaml):
    tree, problems = read("a.yaml", yaml.encode(), Interpolation({}, Path()))
    assert not problems
    assert set() == _otherwise(tree.data, told(tree.data))


def _otherwise(value, said):
    """What is told in another way than it stands there, secrets aside."""
    if said == MASK:
        return set()
    if isinstance(value, dict):
        return {each for name in value for each in _otherwise(value[name], said[name])}
    if isinstance(value, list):
        return {each for one, other in zip(value, said, strict=True) for each in _otherwise(one, other)}
    return set() if value == said else {value}


def test_of_the_example_only_secrets_are_masked():
    told = masked_gateway(read("a.yaml", EVERYTHING[0].encode(), Interpolation({}, Path()))[0].data)
    issuers = told["issuers"]
    assert [MASK] * 4 == [
        told["quota_store"]["redis"],
        issuers["azora-forge"]["keys"],
        issuers["azora-family"]["secret"],
        issuers["introspected"]["introspection"]["client_secret"],
    ]
    assert 4 == str(told).count(MASK)


def test_what_holds_by_default_is_told_too():
    told = masked_gateway({"version": 1})
    assert ("8KiB", "127.0.0.1:9901", ["../policies"], [{"address": "0.0.0.0:8080"}]) == (
        told["limits"]["request_line"],
        told["admin"]["address"],
        told["policies"],
        [{"address": each["address"]} for each in told["listeners"]],
    )


def test_what_holds_by_default_and_is_nothing_goes_without_saying():
    told = masked_gateway({"version": 1})
    assert {"upstreams", "issuers", "api_keys"}.isdisjoint(told)
    assert "token" not in told["admin"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("auth", "azora-id", "azora-id", id="a name"),
        pytest.param("auth", ["a", "b"], ["a", "b"], id="a list of them"),
        pytest.param("auth", resolved("a"), MASK, id="a name from outside: it could be anything"),
        pytest.param("quota", ["a", {"tier": "b", "cost": 2}], ["a", {"tier": "b", "cost": 2}], id="tiers"),
        pytest.param(
            *("quota", [{"by": "claim:plan", "pro": "a", "else": "b"}]),
            [{"by": "claim:plan", "pro": "a", "else": "b"}],
            id="a choice of them",
        ),
        pytest.param("limits", {"body": resolved("1KiB")}, {"body": "1KiB"}, id="a size from outside"),
        pytest.param("compress", resolved("true"), True, id="a truth value from outside"),
        pytest.param("csrf", "off", "off", id="a word"),
        pytest.param("redirect", {"to": "//u:p@h/a"}, {"to": f"//{MASK}@h/a", "status": 308}, id="a user"),
        pytest.param(
            "respond", {"body": "-----BEGIN PRIVATE KEY-----"}, {"body": MASK, "status": 200}, id="a key"
        ),
        pytest.param("nothing", "a", MASK, id="what is no key"),
        pytest.param("clients", "a", MASK, id="what has another shape"),
    ],
)
def test_a_key_of_a_route_is_told_alone(name, value, expected):
    assert expected == masked_key(name, value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("https://id.example/keys?key=s#", f"https://id.example/keys?{MASK}", id="a query"),
        pytest.param("https://id.example/keys", "https://id.example/keys", id="none"),
        pytest.param(
            resolved("https://id.example/realms/x"), f"https://id.example/{MASK}", id="from outside"
        ),
        pytest.param(resolved("https://id.example:8/"), "https://id.example:8", id="that is only a host"),
    ],
)
def test_urls_are_told_without_what_could_let_somebody_in(value, expected):
    told = masked_gateway({"issuers": {"a": {"issuer": "https://a", "jwks": value}}})
    assert expected == told["issuers"]["a"]["jwks"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h", "http://h"),
        ("http://h:8/", "http://h:8"),
        ("http://h/a?b", f"http://h/{MASK}"),
        ("http://u:p@h/", MASK),
        ("http://u:p/w@h/", MASK),
        ("no URL", MASK),
    ],
    ids=["a host", "with a port", "with more", "with a user", "with a user that breaks it", "none"],
)
def test_a_url_is_bared(url, expected):
    assert expected == bare(url)
