"""Rules about both sides of the gateway: what breaks each, and what is close to it and does not."""

import pytest

from gateway.audit.edges import RULES
from gateway.audit.survey import Survey
from gateway.config.load import load

LISTENER = '{address: "127.0.0.1:8080"}'
POLICIES = "policies: [policies]"
ENDPOINT = '"http://127.0.0.1:4009"'


def listener(said):
    return (LISTENER, said)


def more(said):
    """Another section of gateway.yaml."""
    return (POLICIES, f"{said}\n{POLICIES}")


@pytest.mark.parametrize(
    ("rule", "changes", "expected"),
    [
        pytest.param(
            "AZ401",
            [listener('{address: "0.0.0.0:8080"}, {address: "[2606:4700::1]:80"}, {address: "[::]:8081"}')],
            [(f"listeners[{number}]", "gateway.yaml:2") for number in range(3)],
            id="plain on public addresses",
        ),
        pytest.param(
            "AZ402",
            [listener('{address: "127.0.0.1:8080", trusted_proxies: [10.0.0.0/8, 0.0.0.0/0, "::/0"]}')],
            [(f"listeners[0].trusted_proxies[{number}]", "gateway.yaml:2") for number in (1, 2)],
            id="everybody is a proxy",
        ),
        pytest.param(
            "AZ402",
            [listener('{address: "127.0.0.1:8080", trusted_proxies: [0.0.0.0/1]}')],
            [("listeners[0].trusted_proxies[0]", "gateway.yaml:2")],
            id="half of everybody",
        ),
        pytest.param(
            "AZ403",
            [listener('{address: "127.0.0.1:8080", path: {slashes: merge, encoded_slash: allow}}')],
            [
                ("listeners[0].path.slashes", "gateway.yaml:2"),
                ("listeners[0].path.encoded_slash", "gateway.yaml:2"),
            ],
            id="relaxed paths",
        ),
        pytest.param(
            "AZ404",
            [listener('{address: "127.0.0.1:8080", trace_context: continue}')],
            [("listeners[0].trace_context", "gateway.yaml:2")],
            id="traces of everybody",
        ),
        pytest.param(
            "AZ408",
            [more('admin: {address: "10.0.0.1:9901", token: "${env:TOKEN}"}')],
            [("admin.address", "gateway.yaml:5")],
            id="an admin listener on a network",
        ),
        pytest.param(
            "AZ409",
            [(ENDPOINT, '"http://pay.internal", "http://10.0.0.1"')],
            [
                ("upstreams.pay.endpoints[0]", "gateway.yaml:3"),
                ("upstreams.pay.endpoints[1]", "gateway.yaml:3"),
            ],
            id="services over a network in plain text",
        ),
        pytest.param(
            "AZ410",
            [more("telemetry: {access_log: {format: none}}")],
            [("telemetry.access_log.format", "gateway.yaml:5")],
            id="no access log",
        ),
        pytest.param(
            "AZ411",
            [more("telemetry: {traces: {sample: 0%}}")],
            [("telemetry.traces.sample", "gateway.yaml:5")],
            id="no traces",
        ),
    ],
)
def test_a_rule_is_broken(spots, rule, changes, expected):
    assert expected == spots(rule, *changes, environ={"TOKEN": "a" * 32})


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        pytest.param("AZ401", [listener('{address: "10.0.0.1:8080"}')], id="a network of one's own"),
        pytest.param("AZ401", [listener('{address: "unix:/run/gateway.sock"}')], id="a Unix socket"),
        pytest.param(
            "AZ401",
            [listener('{address: "0.0.0.0:8080", trusted_proxies: [10.0.0.0/8]}')],
            id="behind a proxy that is named",
        ),
        pytest.param(
            "AZ402",
            [listener('{address: "127.0.0.1:8080", trusted_proxies: [10.0.0.0/8, "2001:db8::/32"]}')],
            id="networks of one's own",
        ),
        pytest.param("AZ403", [], id="paths as strict as can be"),
        pytest.param(
            "AZ404",
            [listener('{address: "127.0.0.1:8080", trace_context: continue, trusted_proxies: [10.0.0.0/8]}')],
            id="traces that a proxy may have begun",
        ),
        pytest.param("AZ408", [more('admin: {address: "unix:/run/admin.sock"}')], id="an admin socket"),
        pytest.param(
            "AZ409",
            [(ENDPOINT, '"https://pay.internal", "http://localhost:1", "http://[::1]:1", "unix:/run/pay"')],
            id="TLS, this machine, a socket",
        ),
        pytest.param("AZ410", [more("telemetry: {access_log: {format: json}}")], id="an access log"),
        pytest.param("AZ411", [more("telemetry: {traces: {sample: 0.1%}}")], id="a few traces"),
        pytest.param("AZ411", [more("telemetry: {traces: {baggage: [a]}}")], id="as the environment says"),
    ],
)
def test_a_rule_is_kept(spots, rule, changes):
    assert [] == spots(rule, *changes)


@pytest.fixture
def secured(tmp_path, authority):
    """The Survey of a configuration whose listener has TLS, at a moment before its certificate ends."""
    chain, key = authority.issue("gateway.example")
    chain.rename(tmp_path / "a.crt")
    key.rename(tmp_path / "a.key")
    (tmp_path / "ca.pem").write_bytes(authority.file.read_bytes())
    (tmp_path / "policies").mkdir()

    def survey(before=0.0, client_auth="required", auth="mtls"):
        asked = f"client_ca: ca.pem, client_auth: {client_auth}"
        tls = f"certificates: [{{certificate: a.crt, key: a.key}}], {asked}"
        (tmp_path / "gateway.yaml").write_text(
            f'version: 1\nlisteners: [{{address: "0.0.0.0:8443", tls: {{{tls}}}}}]\ncertificates: {{}}\n'
            'upstreams: {pay: {endpoints: ["https://pay.internal"],'
            " tls: {certificate: a.crt, key: a.key}}}\npolicies: [policies]\n"
        )
        (tmp_path / "policies" / "a.yaml").write_text(
            f"routes: [{{id: pay, match: {{path: /pay}}, upstream: pay, auth: {auth}}}]"
        )
        specs = load(tmp_path / "gateway.yaml", {})
        return Survey(specs, specs.pem.leaves["a.crt"].expires.timestamp() - before)

    return survey


def subjects(survey, id):
    (rule,) = [rule for rule in RULES if rule.id == id]
    return [spot.subject for spot in rule.find(survey)]


DAY = 86400
BOTH = ["listeners[0].tls.certificates[0].certificate", "upstreams.pay.tls.certificate"]


@pytest.mark.parametrize(
    ("before", "ended", "ending"),
    [
        pytest.param(30 * DAY + 1, [], [], id="more than a month left"),
        pytest.param(30 * DAY, [], BOTH, id="a month left"),
        pytest.param(1, [], BOTH, id="a second left"),
        pytest.param(0, BOTH, [], id="it ends"),
        pytest.param(-DAY, BOTH, [], id="it ended yesterday"),
    ],
)
def test_certificates_are_told_of_in_time(secured, before, ended, ending):
    survey = secured(before)
    assert (ended, ending) == (subjects(survey, "AZ406"), subjects(survey, "AZ407"))


@pytest.mark.parametrize(
    ("client_auth", "auth", "expected"),
    [
        pytest.param("optional", "mtls", ["listeners[0]"], id="asked for, and not needed"),
        pytest.param("required", "mtls", [], id="needed for the handshake"),
        pytest.param("optional", "[mtls, public]", [], id="a route that does without"),
    ],
)
def test_certificates_that_routes_need_are_asked_for(secured, client_auth, auth, expected):
    assert expected == subjects(secured(0.0, client_auth, auth), "AZ405")


def test_a_listener_with_tls_is_not_plain(secured):
    assert [] == subjects(secured(), "AZ401")
