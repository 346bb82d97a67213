"""The OWASP Top 10 and the OWASP API Security Top 10: which rules and which lines belong to each risk.

Of what is said here, `always` holds whatever the configuration is, `rest` is what no gateway can see, and
`without` is why there is nothing to judge where no line of the files speaks of a risk.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, final

from gateway.audit.survey import Survey
from gateway.config.names import ANY, at
from gateway.config.problem import spelled

TOP_10: Final = "OWASP Top 10"
API_TOP_10: Final = "OWASP API Security Top 10 2023"


@final
@dataclass(frozen=True, slots=True)
class Proof:
    """A line that shows something: `subject` is the id of a route or a path in the file, `what` the key."""

    subject: str
    what: str
    source: str
    is_route: bool = False


# Sections that hold several things, each for itself.
_BY_NAME: Final = frozenset({"listeners", "upstreams", "issuers", "forward_auth"})

Proofs = Callable[[Survey], Iterator[Proof]]


@final
@dataclass(frozen=True, slots=True)
class Risk:
    """One line of a list, and what a configuration can show for it."""

    standard: str
    id: str
    title: str
    rules: tuple[str, ...]
    proofs: Proofs
    always: str = ""
    rest: str = ""
    without: str = ""


def keys(*names: str) -> Proofs:
    """The lines of these keys, on every route that has them."""

    def proofs(survey: Survey) -> Iterator[Proof]:
        for way in survey.ways:
            for name in names:
                if name in way.entry.sources:
                    yield Proof(way.id, name, way.said(name), is_route=True)

    return proofs


def policies(*names: str) -> Proofs:
    """The lines of these policies, on every route that asks them, also where nobody says them."""

    def proofs(survey: Survey) -> Iterator[Proof]:
        for way in survey.ways:
            for policy in way.route.pipeline.policies:
                if policy.name in names:
                    yield Proof(way.id, policy.name, policy.source, is_route=True)

    return proofs


def places(*names: str) -> Proofs:
    """The lines of gateway.yaml where these sections stand, each of what they list or name."""

    def proofs(survey: Survey) -> Iterator[Proof]:
        tree = survey.specs.tree
        for name in names:
            for path, _ in at(tree, (name, ANY) if name in _BY_NAME else (name,)):
                yield Proof(spelled(path), name, tree.source(path))

    return proofs


def joined(*several: Proofs) -> Proofs:
    """All of them."""

    def proofs(survey: Survey) -> Iterator[Proof]:
        for each in several:
            yield from each(survey)

    return proofs


def routes(survey: Survey) -> Iterator[Proof]:
    """The line of every route."""
    for way in survey.ways:
        yield Proof(way.id, "route", way.entry.source, is_route=True)


_ACCESS: Final = ("AZ101", "AZ102", "AZ103", "AZ104", "AZ105")
_CORS: Final = ("AZ301", "AZ302", "AZ303")
_PROOFS: Final = ("AZ201", "AZ405", "AZ501", "AZ502", "AZ504", "AZ505", "AZ506")
_CONSUMPTION: Final = ("AZ201", "AZ202", "AZ203", "AZ204", "AZ205", "AZ207", "AZ208")
_SETTINGS: Final = (
    *("AZ104", "AZ106", "AZ302", "AZ305", "AZ306", "AZ307", "AZ308", "AZ309"),
    *("AZ402", "AZ403", "AZ408", "AZ506"),
)
_CRYPTOGRAPHY: Final = ("AZ306", "AZ401", "AZ406", "AZ407", "AZ409", "AZ504", "AZ506")

_LISTED: Final = "Requests go to the endpoints that the configuration lists, whatever they say."
_SERVICE_URLS: Final = "URLs that a service takes from a request and fetches itself."
_LOGINS: Final = "How people log in, and what becomes of their passwords and sessions."

RISKS: Final[tuple[Risk, ...]] = (
    Risk(
        TOP_10,
        "A01:2021",
        "Broken Access Control (A01:2025)",
        (*_ACCESS, *_CORS, "AZ304", "AZ307"),
        joined(keys("auth", "allow"), policies("csrf", "cors")),
        rest="Whether a thing belongs to who asks, where no `when` compares it.",
    ),
    Risk(
        TOP_10,
        "A02:2021",
        "Cryptographic Failures (A04:2025)",
        _CRYPTOGRAPHY,
        places("listeners", "upstreams", "issuers"),
        rest="What services keep, and how.",
    ),
    Risk(
        TOP_10,
        "A03:2021",
        "Injection (A05:2025)",
        ("AZ308", "AZ403"),
        joined(policies("validate"), places("listeners")),
        always="A request that could be read in two ways is refused.",
        rest="What a service makes of a text: queries, commands, markup.",
    ),
    Risk(
        TOP_10,
        "A04:2021",
        "Insecure Design (A06:2025)",
        ("AZ105", "AZ201", "AZ203"),
        policies("quota", "limits"),
        rest="What the flows of the services allow.",
    ),
    Risk(
        TOP_10,
        "A05:2021",
        "Security Misconfiguration (A02:2025)",
        _SETTINGS,
        joined(keys("headers"), places("listeners", "admin")),
        rest="The settings of the services and of the machines.",
    ),
    Risk(
        TOP_10,
        "A06:2021",
        "Vulnerable and Outdated Components (A03:2025, Software Supply Chain Failures)",
        (),
        lambda survey: iter(()),
        always="The gateway is installed from a list of versions with their hashes.",
        rest="What services are made of, and when it is renewed.",
    ),
    Risk(
        TOP_10,
        "A07:2021",
        "Identification and Authentication Failures (A07:2025, Authentication Failures)",
        _PROOFS,
        joined(policies("auth"), places("issuers", "forward_auth")),
        rest=_LOGINS,
        without="No route asks for a proof.",
    ),
    Risk(
        TOP_10,
        "A08:2021",
        "Software and Data Integrity Failures (A08:2025)",
        ("AZ504",),
        places("issuers"),
        always="No signature is believed that a key of its issuer has not made.",
        rest="What services and pipelines load and unpack.",
    ),
    Risk(
        TOP_10,
        "A09:2021",
        "Security Logging and Monitoring Failures (A09:2025, Security Logging and Alerting Failures)",
        ("AZ410",),
        joined(places("telemetry"), keys("slo")),
        always="Every refusal has a reason word, and every answer the id of its request.",
        rest="What services log, and who is woken by it.",
    ),
    Risk(
        TOP_10,
        "A10:2021",
        "Server-Side Request Forgery (in A01:2025)",
        ("AZ504",),
        places("upstreams"),
        always=_LISTED,
        rest=_SERVICE_URLS,
    ),
    Risk(
        TOP_10,
        "A10:2025",
        "Mishandling of Exceptional Conditions",
        ("AZ104", "AZ207"),
        places("timeouts", "quota_store"),
        always="A policy that fails refuses, and an error of ours tells nothing of the inside.",
        rest="What services do when something fails, and what their errors tell.",
    ),
    Risk(
        API_TOP_10,
        "API1:2023",
        "Broken Object Level Authorization",
        ("AZ105",),
        keys("allow"),
        rest="Whether a thing belongs to who asks, where no `when` compares it.",
        without="No route says `allow`.",
    ),
    Risk(
        API_TOP_10,
        "API2:2023",
        "Broken Authentication",
        _PROOFS,
        joined(policies("auth"), places("issuers", "forward_auth")),
        rest=_LOGINS,
        without="No route asks for a proof.",
    ),
    Risk(
        API_TOP_10,
        "API3:2023",
        "Broken Object Property Level Authorization",
        (),
        policies("validate"),
        rest="Which members an answer shows to whom, and which a body may set beyond its schema.",
        without="No route says `validate`: services judge every member of a body themselves.",
    ),
    Risk(
        API_TOP_10,
        "API4:2023",
        "Unrestricted Resource Consumption",
        _CONSUMPTION,
        joined(policies("quota", "limits"), places("limits", "timeouts", "quota_store")),
        rest="What one request costs inside: pages, sorting, what it calls.",
    ),
    Risk(
        API_TOP_10,
        "API5:2023",
        "Broken Function Level Authorization",
        (*_ACCESS, "AZ106"),
        keys("auth", "allow"),
        always="Another method than those of a route is answered 405.",
    ),
    Risk(
        API_TOP_10,
        "API6:2023",
        "Unrestricted Access to Sensitive Business Flows",
        ("AZ101", "AZ201", "AZ203"),
        policies("quota"),
        rest="Which flows do harm when a machine plays them.",
        without="No route has a quota.",
    ),
    Risk(
        API_TOP_10,
        "API7:2023",
        "Server Side Request Forgery",
        ("AZ504",),
        places("upstreams"),
        always=_LISTED,
        rest=_SERVICE_URLS,
    ),
    Risk(
        API_TOP_10,
        "API8:2023",
        "Security Misconfiguration",
        (*_SETTINGS, *_CORS, "AZ304", "AZ401"),
        joined(keys("headers", "cors"), places("listeners", "admin")),
        rest="The settings of the services and of the machines.",
    ),
    Risk(
        API_TOP_10,
        "API9:2023",
        "Improper Inventory Management",
        ("AZ105", "AZ106"),
        routes,
        always="What no route lists is answered 404.",
    ),
    Risk(
        API_TOP_10,
        "API10:2023",
        "Unsafe Consumption of APIs",
        ("AZ409", "AZ504"),
        places("upstreams", "forward_auth"),
        always="A response is read as strictly as a request, and within its time.",
        rest="What services ask of others, and what they believe of it.",
    ),
)
