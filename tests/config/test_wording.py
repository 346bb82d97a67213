import pytest
from pydantic import ValidationError

from gateway.config.interpolation import Resolved
from gateway.config.schema.gateway import GatewaySpec
from gateway.config.schema.policies import PoliciesSpec
from gateway.config.tree import Place, Tree
from gateway.config.wording import nearest, problems

SECRET = Resolved("s3cret")
SECRET.origin = "${env:SECRET}"


def told(spec, data):
    tree = Tree("f.yaml", data, {(): Place(1, 1)})
    with pytest.raises(ValidationError) as caught:
        spec.model_validate(data)
    return [f"{problem.path}: {problem.message}" for problem in problems(tree, spec, caught.value)]


def gateway(**keys):
    return {"version": 1, **keys}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param("text", ': expected a mapping, got "text"', id="not a mapping"),
        pytest.param({}, ': expected the key "version"', id="a missing key"),
        pytest.param(gateway(version=2), "version: expected 1, got 2", id="another version"),
        pytest.param(
            gateway(listner=[]),
            'listner: expected a known key, got "listner" (did you mean "listeners"?)',
            id="a misspelt key",
        ),
        pytest.param(gateway(zzz=1), 'zzz: expected a known key, got "zzz"', id="a key like no other"),
        pytest.param(
            gateway(upstreams={"pool": {"endpoints": ["http://h"], "poll": {}}}),
            'upstreams.pool.poll: expected a known key, got "poll" (did you mean "pool"?)',
            id="a misspelt key below a name that is itself a key",
        ),
        pytest.param(
            gateway(listeners=[{"address": "0.0.0.0:1", "path": {"slash": "merge"}}]),
            'listeners[0].path.slash: expected a known key, got "slash" (did you mean "slashes"?)',
            id="a misspelt key below an item",
        ),
        pytest.param(
            gateway(defaults={"headers": {"prest": "api"}}),
            'defaults.headers.prest: expected a known key, got "prest" (did you mean "preset"?)',
            id="a misspelt key in a policy in place",
        ),
        pytest.param(
            gateway(limits={"fields": "many"}),
            'limits.fields: expected a whole number, got "many"',
            id="a text for a number",
        ),
        pytest.param(
            gateway(limits={"fields": 0}), "limits.fields: expected at least 1, got 0", id="too few"
        ),
        pytest.param(
            gateway(limits={"fields": 10**10}),
            "limits.fields: expected at most 1000000000, got 10000000000",
            id="too many",
        ),
        pytest.param(
            gateway(timeouts={"head": 10}),
            "timeouts.head: expected a duration such as 250ms, 10s, 5m or 1h, got 10",
            id="a number for a duration",
        ),
        pytest.param(
            gateway(
                listeners=[{"address": "[::]:1", "tls": {"certificates": [{"certificate": 1, "key": "k"}]}}]
            ),
            "listeners[0].tls.certificates[0].certificate: expected a text, got 1: quote it",
            id="a number for a text",
        ),
        pytest.param(
            gateway(admin={"token": 123}),
            "admin.token: expected a text, got what is not shown: quote it",
            id="a number for a secret",
        ),
        pytest.param(
            gateway(admin={"token": ["s3cret"]}),
            "admin.token: expected a text, got a list",
            id="a list for a secret",
        ),
        pytest.param(gateway(policies="p"), 'policies: expected a list, got "p"', id="a text for a list"),
        pytest.param(
            gateway(upstreams=[]), "upstreams: expected a mapping, got a list", id="a list for a mapping"
        ),
        pytest.param(
            gateway(upstreams={"a b": {"endpoints": ["http://h"]}}),
            "upstreams.a b: expected a name of letters, digits, '.', '_' and '-' that begins with a letter "
            'as the key, got "a b"',
            id="a name that is none",
        ),
        pytest.param(
            gateway(upstreams={"a": {"endpoints": []}}),
            "upstreams.a.endpoints: expected at least one item, got none",
            id="no endpoint",
        ),
        pytest.param(
            gateway(upstreams={"a": {"endpoints": ["http://h"], "balance": "least_pendin"}}),
            'upstreams.a.balance: expected "round_robin", "least_pending" or "p2c", got "least_pendin" '
            '(did you mean "least_pending"?)',
            id="a word that is not on the list",
        ),
        pytest.param(
            gateway(defaults={"headers": []}),
            "defaults.headers: expected a name or a mapping, got a list",
            id="neither of two shapes",
        ),
        pytest.param(
            gateway(workers=True),
            "workers: expected a number from 1 to 64, or auto, got true",
            id="no number",
        ),
        pytest.param(
            gateway(timeouts={"head": SECRET}),
            "timeouts.head: expected a duration such as 250ms, 10s, 5m or 1h, got what ${env:SECRET} holds",
            id="a secret in the wrong place",
        ),
    ],
)
def test_a_finding_says_what_was_expected_and_what_was_there(data, message):
    assert [message] == told(GatewaySpec, data)


def test_every_finding_is_told():
    data = {"routes": [{"id": "a"}, {"id": 1, "match": {"path": "/"}, "headers": {"preset": "zz"}}]}
    assert [
        'routes[0]: expected the key "match"',
        'routes[1].headers.preset: expected "helmet", "api", "owasp" or "none", got "zz"',
        "routes[1].id: expected a name of letters, digits, '.', '_' and '-' that begins with a letter, got 1",
    ] == sorted(told(PoliciesSpec, data))


def test_nothing_is_near_to_a_number():
    assert "" == nearest(1, ["1"])
