"""Rules about both sides: listeners, the admin listener, upstreams, and what is told of it all."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from gateway.audit.finding import Rule, Spot, place
from gateway.audit.survey import Survey, is_loopback, is_public
from gateway.config.credentials import MTLS
from gateway.config.problem import Path
from gateway.config.snapshot import Network

_DAY: Final = 86400.0
_SOON: Final = 30 * _DAY
# No network of anybody's own is larger.
_LARGEST: Final = {4: 8, 6: 16}


def _plain(survey: Survey) -> Iterator[Spot]:
    for number, listener in enumerate(survey.specs.gateway.listeners):
        if listener.tls is None and not listener.trusted_proxies and is_public(listener.address):
            message = f"{listener.address} is open to every network, without TLS here or a proxy in front"
            yield place(survey.specs.tree, ("listeners", number), message)


def _believed(survey: Survey) -> Iterator[Spot]:
    for number, listener in enumerate(survey.specs.gateway.listeners):
        for position, network in enumerate(listener.trusted_proxies):
            if _is_everybody(network):
                message = f"whoever connects from {network} names the address that it is taken for"
                yield place(survey.specs.tree, ("listeners", number, "trusted_proxies", position), message)


def _is_everybody(network: Network) -> bool:
    return network.prefixlen < _LARGEST[network.version]


def _relaxed(survey: Survey) -> Iterator[Spot]:
    for number, listener in enumerate(survey.specs.gateway.listeners):
        for name, value in listener.path:
            if value != "refuse":
                message = f"{name}: {value} lets in paths that a service may read in another way"
                yield place(survey.specs.tree, ("listeners", number, "path", name), message)


def _traced(survey: Survey) -> Iterator[Spot]:
    for number, listener in enumerate(survey.specs.gateway.listeners):
        if listener.trace_context == "continue" and not listener.trusted_proxies:
            message = "every client decides which of its requests become spans"
            yield place(survey.specs.tree, ("listeners", number, "trace_context"), message)


def _optional_certificates(survey: Survey) -> Iterator[Spot]:
    demanding = next((way for way in survey.ways if way.methods_of_auth == (MTLS,)), None)
    if demanding is None:
        return
    for number, listener in enumerate(survey.specs.gateway.listeners):
        if listener.tls is None or listener.tls.client_auth != "required":
            message = f"a client without a certificate gets as far as {demanding.id}, which asks for one"
            yield place(survey.specs.tree, ("listeners", number), message)


def _ends(survey: Survey) -> Iterator[tuple[Path, str, float]]:
    """Every certificate of ours, and in how many seconds it ends."""
    leaves = survey.specs.pem.leaves
    for number, listener in enumerate(survey.specs.gateway.listeners):
        for position, pair in enumerate(listener.tls.certificates if listener.tls else ()):
            path: Path = ("listeners", number, "tls", "certificates", position, "certificate")
            yield path, pair.certificate, leaves[pair.certificate].expires.timestamp() - survey.now
    for name, upstream in survey.specs.gateway.upstreams.items():
        shown = upstream.tls.certificate if upstream.tls else None
        if shown is not None:
            path = ("upstreams", name, "tls", "certificate")
            yield path, shown, leaves[shown].expires.timestamp() - survey.now


def _ended(survey: Survey) -> Iterator[Spot]:
    for path, name, left in _ends(survey):
        if left <= 0:
            yield place(survey.specs.tree, path, f"{name} ended on {_day(survey.now + left)}")


def _ending(survey: Survey) -> Iterator[Spot]:
    for path, name, left in _ends(survey):
        if 0 < left <= _SOON:
            message = f"{name} ends on {_day(survey.now + left)}, in less than 30 days"
            yield place(survey.specs.tree, path, message)


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _admin(survey: Survey) -> Iterator[Spot]:
    address = survey.specs.gateway.admin.address
    if not is_loopback(address):
        message = f"the admin listener is reached at {address}, over plain HTTP"
        yield place(survey.specs.tree, ("admin", "address"), message)


def _upstreams(survey: Survey) -> Iterator[Spot]:
    for name, upstream in survey.specs.gateway.upstreams.items():
        for number, endpoint in enumerate(upstream.endpoints):
            if not endpoint.tls and not is_loopback(endpoint):
                path = ("upstreams", name, "endpoints", number)
                message = f"requests for {name} leave this machine in plain text"
                yield place(survey.specs.tree, path, message)


def _unlogged(survey: Survey) -> Iterator[Spot]:
    if survey.specs.gateway.telemetry.access_log.format == "none":
        path = ("telemetry", "access_log", "format")
        yield place(survey.specs.tree, path, "nobody can tell afterwards who asked for what")


def _unsampled(survey: Survey) -> Iterator[Spot]:
    # Absent, the environment of the process decides, which is not ours to read.
    if survey.specs.gateway.telemetry.traces.sample == 0:
        yield place(survey.specs.tree, ("telemetry", "traces", "sample"), "no request becomes a span")


RULES: Final = (
    Rule(
        "AZ401",
        "error",
        "A listener without TLS",
        "Give it `tls`, name the TLS proxy in front in `trusted_proxies`, or listen on loopback.",
        _plain,
    ),
    Rule(
        "AZ402",
        "error",
        "Forwarding fields of everybody",
        "Name the proxies' own networks in `trusted_proxies`.",
        _believed,
    ),
    Rule(
        "AZ403",
        "warning",
        "Paths with two readings",
        "Leave it at `refuse`, unless a service needs it and reads it the same way.",
        _relaxed,
    ),
    Rule(
        "AZ404",
        "note",
        "Traces that clients go on with",
        "Leave it at `restart`, or say it on a listener for programs of yours.",
        _traced,
    ),
    Rule(
        "AZ405",
        "warning",
        "Certificates that are asked for late",
        "Say `client_auth: required` on a listener for those routes alone.",
        _optional_certificates,
    ),
    Rule(
        "AZ406",
        "error",
        "A certificate that has ended",
        "Replace it, and say `gateway reload`.",
        _ended,
    ),
    Rule(
        "AZ407",
        "warning",
        "A certificate that ends soon",
        "Replace it, and say `gateway reload`.",
        _ending,
    ),
    Rule(
        "AZ408",
        "warning",
        "The admin listener beyond this machine",
        "Listen on loopback or a Unix socket, or on a network of your own.",
        _admin,
    ),
    Rule(
        "AZ409",
        "warning",
        "A service without TLS",
        "Let it be asked by `https`, with its authority in `tls.ca` if need be, or through a Unix socket.",
        _upstreams,
    ),
    Rule(
        "AZ410",
        "warning",
        "No access log",
        "Say `format: json`.",
        _unlogged,
    ),
    Rule(
        "AZ411",
        "note",
        "No traces",
        "Sample 1% or so; what fails can then be followed to its cause.",
        _unsampled,
    ),
)
