"""Where spans go, and as whose: the configuration says it, and where that is silent the variables `OTEL_*`.

Of these a value that cannot be used is told and passed over, as OpenTelemetry asks for.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, final
from urllib.parse import unquote, urlsplit

from gateway import __version__
from gateway.config.snapshot import Traces

log = logging.getLogger("gateway")

Protocol = Literal["http/protobuf", "grpc"]

_USUAL_SHARE: Final = 0.01
_USUAL_PROTOCOL: Final[Protocol] = "http/protobuf"
_PROTOCOLS: Final[dict[str, Protocol]] = {"http/protobuf": "http/protobuf", "grpc": "grpc"}
_PATH: Final = "/v1/traces"
# What gRPC takes as the name of a field, and HTTP too; `-bin` is for what is no text.
_HEADER: Final = re.compile(r"[0-9a-z_.-]+(?<!-bin)")
# What a gateway is called that its configuration gives no name.
_USUAL_NAME: Final = "azora-gateway"
_ALL, _NONE, _RATIO = "always_on", "always_off", "traceidratio"


@final
@dataclass(frozen=True, slots=True)
class Destination:
    """A collector: the whole URL that is asked, the fields that go with every call, and who we are there."""

    url: str
    protocol: Protocol
    headers: tuple[tuple[str, str], ...]
    resource: tuple[tuple[str, str], ...]


def destination(traces: Traces, name: str, instance: str, environ: Mapping[str, str]) -> Destination | None:
    """Where spans go, or None where they go nowhere. `name` is the gateway's, `instance` this process's."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    protocol = traces.protocol or _protocol(environ)
    url = _with_path(traces.endpoint, protocol) if traces.endpoint else _url(environ, protocol)
    if not url:
        return None
    return Destination(url, protocol, _headers(environ), _resource(name, instance))


def share(traces: Traces, environ: Mapping[str, str]) -> float:
    """The share of requests that become spans, from 0 to 1."""
    if traces.sample is not None:
        return traces.sample
    sampler = (environ.get("OTEL_TRACES_SAMPLER") or _RATIO).removeprefix("parentbased_")
    if sampler in (_ALL, _NONE):
        return float(sampler == _ALL)
    if sampler != _RATIO:
        log.warning("OTEL_TRACES_SAMPLER: expected always_on, always_off or traceidratio; the last is used")
    text = environ.get("OTEL_TRACES_SAMPLER_ARG", "")
    if not text:
        return _USUAL_SHARE
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if 0.0 <= ratio <= 1.0:
        return ratio
    log.warning("OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1; 0.01 is used")
    return _USUAL_SHARE


def _protocol(environ: Mapping[str, str]) -> Protocol:
    text = _said(environ, "PROTOCOL")
    if text and text not in _PROTOCOLS:
        log.warning("OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf or grpc; http/protobuf is used")
    return _PROTOCOLS.get(text, _USUAL_PROTOCOL)


def _said(environ: Mapping[str, str], word: str) -> str:
    """What is said of traces alone, else of all signals."""
    return environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{word}") or environ.get(f"OTEL_EXPORTER_OTLP_{word}", "")


def _url(environ: Mapping[str, str], protocol: Protocol) -> str:
    whole = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
    url = whole or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    if not url:
        return ""
    if not _is_url(url):
        log.warning(
            "OTEL_EXPORTER_OTLP_ENDPOINT: expected a URL such as http://collector:4318; no spans go out"
        )
        return ""
    # Only the one that is for all signals is a base.
    return url if whole else _with_path(url, protocol)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _with_path(url: str, protocol: Protocol) -> str:
    return url if protocol == "grpc" else url.rstrip("/") + _PATH


def _headers(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    pairs = [(name.lower(), value) for name, value in _pairs(_said(environ, "HEADERS"))]
    usable = [pair for pair in pairs if _HEADER.fullmatch(pair[0]) and _is_value(pair[1])]
    if len(usable) < len(pairs):
        log.warning("OTEL_EXPORTER_OTLP_HEADERS: one that cannot be sent is left out")
    return tuple(usable)


def _is_value(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _resource(name: str, instance: str) -> tuple[tuple[str, str], ...]:
    """Who we are, unless OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME of this process say otherwise."""
    # Not `Resource.create`, which would say that the SDK made the spans. Who sends none does not load it.
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    usual = Resource({"service.name": name, "service.instance.id": instance})
    ours = {"service.version": __version__}
    if name != _USUAL_NAME:
        ours["service.name"] = name
    made = usual.merge(OTELResourceDetector().detect()).merge(Resource(ours))
    return tuple((key, str(value)) for key, value in made.attributes.items())


def _pairs(text: str) -> list[tuple[str, str]]:
    """`a=b,c=d`, with values that may be percent-encoded, as OpenTelemetry spells lists."""
    pairs = [pair.partition("=") for pair in text.split(",") if "=" in pair]
    return [(name.strip(), unquote(value.strip())) for name, _, value in pairs if name.strip()]
