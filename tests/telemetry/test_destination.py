"""The configuration says where spans go; where it is silent OTEL_* do, and what they say badly is told."""

import pytest

from gateway import __version__
from gateway.config.snapshot import Traces
from gateway.telemetry.destination import destination, share

SILENT = Traces("", None, None, ())
SAID = Traces("http://collector:4318", "http/protobuf", 0.5, ())
BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
GRPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}


def found(traces=SILENT, name="azora-gateway", **environ):
    return destination(traces, name, "gateway-1", environ)


@pytest.mark.parametrize(
    ("traces", "environ", "expected"),
    [
        pytest.param(SILENT, {}, None, id="nobody says anything"),
        pytest.param(
            SAID, {}, ("http://collector:4318/v1/traces", "http/protobuf"), id="the configuration alone"
        ),
        pytest.param(
            SAID,
            {BASE: "http://other", TRACES: "http://another", **GRPC},
            ("http://collector:4318/v1/traces", "http/protobuf"),
            id="the configuration wins",
        ),
        pytest.param(
            Traces("http://collector:4318/otlp/", None, None, ()),
            {},
            ("http://collector:4318/otlp/v1/traces", "http/protobuf"),
            id="a base may have a path",
        ),
        pytest.param(
            Traces("http://collector:4317", "grpc", None, ()),
            {},
            ("http://collector:4317", "grpc"),
            id="gRPC knows no path",
        ),
        pytest.param(
            Traces("http://collector:4317", None, None, ()),
            GRPC,
            ("http://collector:4317", "grpc"),
            id="each by itself where the configuration is silent",
        ),
        pytest.param(
            SILENT,
            {BASE: "http://c:4318"},
            ("http://c:4318/v1/traces", "http/protobuf"),
            id="for all signals",
        ),
        pytest.param(
            SILENT,
            {TRACES: "http://c/here"},
            ("http://c/here", "http/protobuf"),
            id="for traces, as it stands",
        ),
        pytest.param(
            SILENT,
            {BASE: "http://c:4318", TRACES: "http://d/here"},
            ("http://d/here", "http/protobuf"),
            id="what is for traces alone comes first",
        ),
        pytest.param(
            SILENT,
            {BASE: "http://c:4317", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"},
            ("http://c:4317", "grpc"),
            id="a protocol for traces alone",
        ),
        pytest.param(SAID, {"OTEL_SDK_DISABLED": "true"}, None, id="switched off"),
        pytest.param(SAID, {"OTEL_SDK_DISABLED": " TRUE "}, None, id="switched off, in capitals"),
        pytest.param(
            SAID,
            {"OTEL_SDK_DISABLED": "1"},
            ("http://collector:4318/v1/traces", "http/protobuf"),
            id="only true switches off",
        ),
    ],
)
def test_where_spans_go(traces, environ, expected):
    made = found(traces, **environ)
    assert expected == (made and (made.url, made.protocol))


@pytest.mark.parametrize(
    ("environ", "expected", "told"),
    [
        pytest.param({BASE: "collector:4318"}, None, BASE, id="no scheme"),
        pytest.param({BASE: "ftp://collector"}, None, BASE, id="another scheme"),
        pytest.param({BASE: "http://c:99999"}, None, BASE, id="no such port"),
        pytest.param({BASE: "http://"}, None, BASE, id="no host"),
        pytest.param(
            {BASE: "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
            "http/protobuf",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            id="a protocol that is not spoken here",
        ),
        pytest.param(
            {BASE: "http://c", "OTEL_EXPORTER_OTLP_HEADERS": "a=b%0d%0aX: y"},
            "http/protobuf",
            "OTEL_EXPORTER_OTLP_HEADERS",
            id="a line break in a field",
        ),
    ],
)
def test_what_cannot_be_used_is_told_and_passed_over(caplog, environ, expected, told):
    made = found(**environ)
    assert expected == (made and made.protocol)
    (line,) = caplog.messages
    assert told in line
    assert "X: y" not in line


@pytest.mark.parametrize(
    ("environ", "headers"),
    [
        pytest.param({}, (), id="none"),
        pytest.param(
            {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20a=, x-tenant = b"},
            (("authorization", "Bearer a="), ("x-tenant", "b")),
            id="values are decoded, names are in lower case",
        ),
        pytest.param(
            {"OTEL_EXPORTER_OTLP_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "b=2"},
            (("b", "2"),),
            id="those for traces alone come first",
        ),
        pytest.param({"OTEL_EXPORTER_OTLP_HEADERS": "a b=1"}, (), id="a name that is none"),
        pytest.param({"OTEL_EXPORTER_OTLP_HEADERS": "key-bin=1"}, (), id="what gRPC takes for bytes"),
        pytest.param({"OTEL_EXPORTER_OTLP_HEADERS": "a=%C3%A9"}, (), id="not ASCII"),
        pytest.param({"OTEL_EXPORTER_OTLP_HEADERS": "nothing,=1"}, (), id="no pair"),
    ],
)
def test_fields_that_go_with_every_call(environ, headers):
    made = found(SAID, **environ)
    assert headers == made.headers


@pytest.mark.parametrize(
    ("name", "environ", "expected"),
    [
        pytest.param("azora-gateway", {}, {"service.name": "azora-gateway"}, id="the usual name"),
        pytest.param(
            "azora-gateway", {"OTEL_SERVICE_NAME": "edge"}, {"service.name": "edge"}, id="a name of its own"
        ),
        pytest.param(
            "north", {"OTEL_SERVICE_NAME": "edge"}, {"service.name": "north"}, id="the configuration's wins"
        ),
        pytest.param(
            "azora-gateway",
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,deployment.environment.name=prod%2Ceu"},
            {"service.name": "a", "deployment.environment.name": "prod,eu"},
            id="other attributes",
        ),
        pytest.param(
            "azora-gateway",
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,service.instance.id=7", "OTEL_SERVICE_NAME": "edge"},
            {"service.name": "edge", "service.instance.id": "7"},
            id="the name has a variable of its own",
        ),
        pytest.param(
            "azora-gateway", {"OTEL_RESOURCE_ATTRIBUTES": "service.version=9"}, {}, id="the version is ours"
        ),
        pytest.param(
            "north",
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,service.namespace=azora"},
            {"service.name": "north", "service.namespace": "azora"},
            id="the configuration's name wins over attributes too",
        ),
        pytest.param(
            "azora-gateway",
            {"OTEL_RESOURCE_ATTRIBUTES": "nonsense, a = b ", "OTEL_SERVICE_NAME": ""},
            {"a": "b"},
            id="what is no pair is passed over",
        ),
    ],
)
def test_who_we_are(monkeypatch, name, environ, expected):
    for variable in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    usual = {"service.name": "azora-gateway", "service.instance.id": "gateway-1"}
    usual["service.version"] = __version__
    assert usual | expected == dict(found(SAID, name).resource)


@pytest.mark.parametrize(
    ("traces", "environ", "expected"),
    [
        pytest.param(SAID, {"OTEL_TRACES_SAMPLER_ARG": "0.1"}, 0.5, id="the configuration wins"),
        pytest.param(SILENT, {}, 0.01, id="nobody says anything"),
        pytest.param(SILENT, {"OTEL_TRACES_SAMPLER_ARG": "0.25"}, 0.25, id="a ratio"),
        pytest.param(
            SILENT,
            {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1"},
            1.0,
            id="a ratio, with its sampler",
        ),
        pytest.param(SILENT, {"OTEL_TRACES_SAMPLER": "always_on"}, 1.0, id="all"),
        pytest.param(
            SILENT,
            {"OTEL_TRACES_SAMPLER": "parentbased_always_off", "OTEL_TRACES_SAMPLER_ARG": "1"},
            0.0,
            id="none",
        ),
        pytest.param(SILENT, {"OTEL_TRACES_SAMPLER_ARG": "2"}, 0.01, id="more than all"),
        pytest.param(SILENT, {"OTEL_TRACES_SAMPLER_ARG": "nan"}, 0.01, id="no number"),
        pytest.param(SILENT, {"OTEL_TRACES_SAMPLER_ARG": "half"}, 0.01, id="a word"),
    ],
)
def test_the_share_of_requests_that_become_spans(traces, environ, expected):
    assert expected == share(traces, environ)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("OTEL_TRACES_SAMPLER", "jaeger_remote", id="a sampler that is not known here"),
        pytest.param("OTEL_TRACES_SAMPLER_ARG", "half", id="a word"),
    ],
)
def test_a_sampler_that_cannot_be_used_is_told(caplog, name, value):
    assert 0.01 == share(SILENT, {name: value})
    (line,) = caplog.messages
    assert line.startswith(f"{name}: ")
    assert value not in line


def test_an_empty_variable_says_nothing(caplog):
    assert 0.01 == share(SILENT, {"OTEL_TRACES_SAMPLER": "", "OTEL_TRACES_SAMPLER_ARG": ""})
    assert [] == caplog.messages
