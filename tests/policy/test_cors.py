"""CORS, sentence by sentence as the Fetch standard has it, then beside a browser that is obviously right."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.edits import Block
from gateway.http.request import Request
from gateway.policy import Exchange, Policy, Reason
from gateway.policy.cors import Cors, Handshakes, Terms, Trial, constant
from gateway.policy.report import Reported

SOURCE = "policies/shared.yaml:7"
APP = "https://app.example"
SITES = ("https://*.app.example", "https://*.app.example:8443")
ASKED_METHOD = b"access-control-request-method"
ASKED_FIELDS = b"access-control-request-headers"


def cors(*origins: str, **more) -> Cors:
    return Cors(Terms(origins or (APP,), **more), SOURCE)


def asked(origin: str, method: str | None = None, fields: str | None = None) -> dict[bytes, bytes]:
    """What is noted of a request from an origin, a preflight if it asks for a method."""
    said = {b"origin": origin, ASKED_METHOD: method, ASKED_FIELDS: fields}
    return {name: value.encode("latin-1") for name, value in said.items() if value is not None}


@pytest.fixture
def request_of(exchange):
    """Makes the exchange of a request of an origin, which is a preflight if it asks for a method."""

    def make(origin=None, method=None, fields=None):
        noted = {} if origin is None else asked(origin, method, fields)
        return exchange(method=b"GET" if method is None else b"OPTIONS", noted=noted)

    return make


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        pytest.param([APP], APP, True, id="a listed origin"),
        pytest.param([APP], "https://other.example", False, id="another host"),
        pytest.param([APP], "http://app.example", False, id="another scheme"),
        pytest.param([APP], "https://app.example:8443", False, id="another port"),
        pytest.param([APP], "https://app.example:443", False, id="the usual port, which no browser writes"),
        pytest.param([APP], "https://App.example", False, id="case counts, browsers write lower case"),
        pytest.param([APP], "HTTPS://app.example", False, id="so it does in the scheme"),
        pytest.param([APP], "https://app.example/", False, id="an origin has no path"),
        pytest.param([APP], "https://app.example.", False, id="a dot at the end is another origin"),
        pytest.param([APP], "https://app.example.evil.example", False, id="a listed origin in front"),
        pytest.param([APP], "https://evil-app.example", False, id="a listed host at the end"),
        pytest.param([APP], "https://sub.app.example", False, id="a subdomain of a listed host"),
        pytest.param([APP], "https://user@app.example", False, id="a user before the host"),
        pytest.param([APP], f"{APP} https://evil.example", False, id="a list, as RFC 6454 allowed"),
        pytest.param([APP], f"{APP},https://evil.example", False, id="two origins joined by a comma"),
        pytest.param([APP], f"https://evil.example#{APP}", False, id="a listed origin as a fragment"),
        pytest.param([APP], "", False, id="an empty origin"),
        pytest.param([APP], "null", False, id="a hidden origin that is not listed"),
        pytest.param([APP], "*", False, id="a wildcard as origin"),
        pytest.param(["null"], "null", True, id="a hidden origin that is listed"),
        pytest.param(["null"], "NULL", False, id="a hidden origin in another case"),
        pytest.param(["null"], APP, False, id="null alone allows no other"),
        pytest.param(["http://[::1]:3000"], "http://[::1]:3000", True, id="an IPv6 address"),
        pytest.param(["http://localhost:3000"], "http://localhost:3000", True, id="a port"),
        pytest.param(["http://localhost:3000"], "http://localhost:30001", False, id="a port that goes on"),
        pytest.param(["http://localhost:3000"], "http://localhost", False, id="without the port"),
        pytest.param(SITES, "https://a.app.example", True, id="one label before the dot"),
        pytest.param(SITES, "https://a.b.c.app.example", True, id="several labels"),
        pytest.param(SITES, "https://x-1_y.app.example", True, id="a label of all it may have"),
        pytest.param(SITES, "https://xn--bcher-kva.app.example", True, id="a label in Punycode"),
        pytest.param(SITES, "https://a.app.example:8443", True, id="the port that is written"),
        pytest.param(SITES, "https://a.app.example:8444", False, id="a port that is not"),
        pytest.param(SITES, "https://app.example", False, id="no label at all"),
        pytest.param(SITES, "https://.app.example", False, id="an empty label"),
        pytest.param(SITES, "https://a..app.example", False, id="an empty label between"),
        pytest.param(SITES, "https://evilapp.example", False, id="no dot before the host"),
        pytest.param(SITES, "https://a.app.example.evil.example", False, id="the host in the middle"),
        pytest.param(SITES, "https://evil.example/.app.example", False, id="a slash in a label"),
        pytest.param(SITES, "https://evil.example#.app.example", False, id="a fragment in a label"),
        pytest.param(SITES, "https://evil.example?.app.example", False, id="a query in a label"),
        pytest.param(SITES, "https://evil.example:1.app.example", False, id="a port in a label"),
        pytest.param(SITES, "https://evil@a.app.example", False, id="a user in a label"),
        pytest.param(SITES, "https://evil.example .app.example", False, id="a blank in a label"),
        pytest.param(SITES, "https://A.app.example", False, id="a capital in a label"),
        pytest.param(SITES, "https://\xe4.app.example", False, id="a byte that is no ASCII"),
        pytest.param(SITES, "https://*.app.example", False, id="the pattern itself"),
        pytest.param(SITES, "http://a.app.example", False, id="another scheme before labels"),
        pytest.param(SITES, "null", False, id="a pattern does not hold a hidden origin"),
        pytest.param([*SITES, APP], APP, True, id="a listed origin beside patterns"),
        pytest.param(SITES, f"https://{'a.' * 200}app.example", False, id="longer than any name"),
        pytest.param(["*"], APP, True, id="the wildcard allows all"),
        pytest.param(["*"], "null", True, id="also hidden ones"),
    ],
)
def test_an_origin_is_judged(request_of, origins, origin, allowed):
    """Alike for a preflight, for what follows it and for a handshake, the second time as the first."""
    policy = cors(*origins, on_disallowed="reject")
    handshakes = Handshakes(policy)
    for _ in range(2):
        socket = request_of(origin)
        socket.request.noted[b"upgrade"] = b"websocket"
        seen = policy(request_of(origin)), policy(request_of(origin, "GET")), handshakes(socket)
        refused = (Reason.ORIGIN_DENIED,) * 3
        assert ((None,) * 3 if allowed else refused) == tuple(each and each.reason for each in seen)


@pytest.mark.parametrize(
    ("methods", "method", "granted"),
    [
        pytest.param([], "GET", True, id="GET always passes"),
        pytest.param([], "HEAD", True, id="HEAD always passes"),
        pytest.param([], "POST", True, id="POST always passes"),
        pytest.param([], "PUT", False, id="PUT needs permission"),
        pytest.param([], "DELETE", False, id="DELETE needs permission"),
        pytest.param([], "PATCH", False, id="PATCH needs permission"),
        pytest.param([], "OPTIONS", False, id="OPTIONS needs permission"),
        pytest.param(["PUT", "DELETE"], "PUT", True, id="a listed method"),
        pytest.param(["PUT", "DELETE"], "DELETE", True, id="the last of the list"),
        pytest.param(["PUT"], "GET", True, id="what always passes passes beside a list"),
        pytest.param(["PATCH"], "patch", False, id="a browser leaves its case, so it is another one"),
        pytest.param(["PUT"], "put", False, id="lower case is another method"),
        pytest.param(["PUT"], "PUTS", False, id="a method that begins alike"),
        pytest.param(["PUT"], "PUT, DELETE", False, id="a list of methods"),
        pytest.param(["PUT"], "", False, id="no method"),
        pytest.param(["PUT"], "*", False, id="a wildcard as method"),
        pytest.param(["VERSION-CONTROL"], "VERSION-CONTROL", True, id="a method of another standard"),
    ],
)
def test_a_method_is_judged(request_of, methods, method, granted):
    exchange = request_of(APP, method)
    reply = cors(allow_methods=tuple(methods))(exchange)
    assert (204, None if granted else Reason.PREFLIGHT_METHOD) == (reply.status, reply.reason)
    assert granted is (b"Access-Control-Allow-Headers" in dict(exchange.response_fields))


@pytest.mark.parametrize(
    ("allowed", "fields", "granted"),
    [
        pytest.param([], None, True, id="nothing is asked for"),
        pytest.param([], "", True, id="an empty list"),
        pytest.param([], ",, ,", True, id="a list of nothing"),
        pytest.param([], "accept", True, id="Accept needs no permission"),
        pytest.param([], "accept-language", True, id="nor does Accept-Language"),
        pytest.param([], "content-language", True, id="nor Content-Language"),
        pytest.param([], "content-type", True, id="nor Content-Type, whatever its value"),
        pytest.param([], "range", True, id="nor Range"),
        pytest.param([], "x-api", False, id="another one does"),
        pytest.param([], "authorization", False, id="Authorization does"),
        pytest.param([], "cookie", False, id="Cookie does, which no script can set"),
        pytest.param(["X-Api"], "x-api", True, id="as a browser writes it"),
        pytest.param(["x-api"], "X-API", True, id="names have no case"),
        pytest.param(["X-Api"], "x-api,x-other", False, id="one of two"),
        pytest.param(["X-Api", "X-Other"], "x-api,x-other", True, id="both of two"),
        pytest.param(["X-Api", "X-Other"], "x-api, \tx-other ", True, id="white space around names"),
        pytest.param(["X-Api"], "x-api,x-api", True, id="the same twice"),
        pytest.param(["X-Api"], "x-api,,accept", True, id="an empty member between"),
        pytest.param(["X-Api"], "x-ap", False, id="the beginning of a name"),
        pytest.param(["X-Api"], "x_api", False, id="a name that a backend may take for it"),
        pytest.param(["X-Api"], "x-api;", False, id="a character that no name has"),
        pytest.param(["X-Api"], "x-api accept", False, id="a blank joins no names"),
        pytest.param(["X-Api"], "*", False, id="a wildcard as name"),
        pytest.param(["*"], "x-api,x-other", True, id="the wildcard covers any name"),
        pytest.param(["*"], "authorization", False, id="but not Authorization"),
        pytest.param(["*"], "AUTHORIZATION", False, id="in no spelling"),
        pytest.param(["*"], "x-api,authorization", False, id="nor beside another one"),
        pytest.param(["*", "Authorization"], "x-api,authorization", True, id="unless it is listed too"),
        pytest.param(["*"], ",".join(["x-api"] * 100), True, id="a hundred names"),
        pytest.param(["*"], ",".join(["x-api"] * 101), False, id="one name more"),
        pytest.param(["*"], "x" * 4096, True, id="four kibibytes"),
        pytest.param(["*"], "x" * 4097, False, id="one byte more"),
        pytest.param([], "," * 100, False, id="a hundred commas"),
    ],
)
def test_fields_are_judged(request_of, allowed, fields, granted):
    exchange = request_of(APP, "GET", fields)
    reply = cors(allow_headers=tuple(allowed))(exchange)
    assert (204, None if granted else Reason.PREFLIGHT_FIELDS) == (reply.status, reply.reason)
    assert granted is (b"Access-Control-Allow-Headers" in dict(exchange.response_fields))


SAFE = "Accept, Accept-Language, Content-Language, Content-Type, Range"
OURS = "RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, traceresponse"
ORIGIN = ("Access-Control-Allow-Origin", APP)
CREDENTIALS = ("Access-Control-Allow-Credentials", "true")
FIELDS = ("Access-Control-Allow-Headers", SAFE)
EXPOSED = ("Access-Control-Expose-Headers", OURS)
VARY = ("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
FULL = {"allow_methods": ("PUT", "GET", "PUT"), "allow_headers": ("X-Api", "accept"), "max_age": 7200.0}


@pytest.mark.parametrize(
    ("terms", "asking", "status", "fields"),
    [
        pytest.param({}, (APP, "GET"), 204, [VARY, ORIGIN, FIELDS], id="a preflight that is granted"),
        pytest.param(
            FULL,
            (APP, "PUT"),
            204,
            [
                *(VARY, ORIGIN, ("Access-Control-Allow-Headers", f"{SAFE}, X-Api")),
                ("Access-Control-Allow-Methods", "PUT, GET"),
                ("Access-Control-Max-Age", "7200"),
            ],
            id="its lists are whole and name each once",
        ),
        pytest.param(
            {"max_age": 0.25},
            (APP, "GET"),
            204,
            [VARY, ORIGIN, FIELDS, ("Access-Control-Max-Age", "1")],
            id="a part of a second is a second",
        ),
        pytest.param(
            {"credentials": True},
            (APP, "GET"),
            204,
            [VARY, ORIGIN, CREDENTIALS, FIELDS],
            id="credentials are said beside the origin",
        ),
        pytest.param(FULL, (APP, "PATCH"), 204, [VARY, ORIGIN], id="another method gets no list"),
        pytest.param(FULL, (APP, "PUT", "x-no"), 204, [VARY, ORIGIN], id="another field gets no list"),
        pytest.param(
            FULL | {"credentials": True},
            ("https://evil.example", "PUT"),
            204,
            [VARY],
            id="a preflight of another origin gets nothing, not even credentials",
        ),
        pytest.param(
            {"credentials": True, "on_disallowed": "reject"},
            ("https://evil.example", "PUT"),
            403,
            [VARY],
            id="a preflight of another origin is rejected",
        ),
        pytest.param({}, (APP,), None, [ORIGIN, EXPOSED], id="what follows may be read"),
        pytest.param(
            {"credentials": True, "expose_headers": ("ETag", "retry-after")},
            (APP,),
            None,
            [ORIGIN, CREDENTIALS, ("Access-Control-Expose-Headers", f"{OURS}, ETag")],
            id="with credentials and with the fields that are listed",
        ),
        pytest.param(
            {"expose_headers": ("*",)},
            (APP,),
            None,
            [ORIGIN, ("Access-Control-Expose-Headers", f"{OURS}, *")],
            id="with all fields",
        ),
        pytest.param(
            {"credentials": True}, ("https://evil.example",), None, [], id="another origin passes in silence"
        ),
        pytest.param(
            {"credentials": True, "on_disallowed": "reject"},
            ("https://evil.example",),
            403,
            [],
            id="another origin is rejected in silence",
        ),
        pytest.param({"on_disallowed": "reject"}, (), None, [], id="who is no browser is not asked"),
        pytest.param(
            {"allow_origins": ("*",)}, (APP, "GET"), 204, [FIELDS], id="nothing varies where all may ask"
        ),
        pytest.param({"allow_origins": ("*",)}, (APP, "PUT"), 204, [], id="the wildcard is for origins only"),
        pytest.param({"allow_origins": ("*",)}, (APP,), None, [], id="and what all are told is not noted"),
    ],
)
def test_an_exchange_is_told(request_of, terms, asking, status, fields):
    exchange = request_of(*asking)
    reply = Cors(Terms(**{"allow_origins": (APP,)} | terms), SOURCE)(exchange)
    assert status == (reply and reply.status)
    assert fields == [(name.decode(), value.decode()) for name, value in exchange.response_fields]


@pytest.mark.parametrize(
    ("terms", "fields"),
    [
        pytest.param({"allow_origins": (APP,)}, [("Vary", "Origin")], id="one origin"),
        pytest.param({"allow_origins": SITES}, [("Vary", "Origin")], id="a pattern"),
        pytest.param({"allow_origins": ("null",)}, [("Vary", "Origin")], id="hidden origins"),
        pytest.param(
            {"allow_origins": ("*",)}, [("Access-Control-Allow-Origin", "*"), EXPOSED], id="all origins"
        ),
    ],
)
def test_every_response_is_told(terms, fields):
    """Whoever asks: a cache that has the answer may hand it to a script of any origin."""
    assert fields == [(name.decode(), value.decode()) for name, value in constant(Terms(**terms))]


def test_fields_that_were_noted_before_stay(request_of):
    for asking in ((APP,), (APP, "GET"), ("https://evil.example", "GET")):
        exchange = request_of(*asking)
        exchange.response_fields = ((b"RateLimit", b"r=1"),)
        cors()(exchange)
        assert (b"RateLimit", b"r=1") == exchange.response_fields[0]


def test_verdicts_are_constants(request_of):
    policy = cors(on_disallowed="reject")
    for asking in ((APP, "GET"), (APP, "PUT"), (APP, "GET", "x"), ("https://evil.example",)):
        assert policy(request_of(*asking)) is policy(request_of(*asking))


def test_origins_that_are_invented_fill_no_memory(request_of):
    policy = cors(*SITES)
    for number in range(10_000):
        policy(request_of(f"https://{number}.evil.example"))
        policy(request_of(f"https://{number}.app.example"))
    policy(request_of(f"https://{'a' * 300}.app.example"))
    assert len(policy.origins) <= 4096
    assert max(map(len, policy.origins)) <= 267
    exchange = request_of("https://a.app.example")
    policy(exchange)
    assert (b"Access-Control-Allow-Origin", b"https://a.app.example") in exchange.response_fields


def test_all_origins_are_not_remembered(request_of):
    policy = cors("*")
    policy(request_of(APP))
    assert 0 == len(policy.origins)


@pytest.mark.parametrize(
    ("noted", "refused"),
    [
        pytest.param({"upgrade": "websocket", "origin": APP}, False, id="of an origin that may ask"),
        pytest.param({"upgrade": "WebSocket", "origin": APP}, False, id="in another case"),
        pytest.param(
            {"upgrade": "websocket", "origin": "https://evil.example"}, True, id="of another origin"
        ),
        pytest.param({"upgrade": "WebSocket", "origin": "https://evil.example"}, True, id="in capitals"),
        pytest.param({"upgrade": "websocket", "origin": "null"}, True, id="of a hidden origin"),
        pytest.param({"upgrade": "websocket", "origin": ""}, True, id="of an empty origin"),
        pytest.param({"upgrade": "websocket"}, False, id="of who is no browser"),
        pytest.param({"origin": "https://evil.example"}, False, id="a request that is no handshake"),
        pytest.param({"upgrade": "h2c", "origin": "https://evil.example"}, False, id="another protocol"),
    ],
)
def test_a_handshake_is_judged(exchange, noted, refused):
    """Also where other origins are only told nothing: a tunnel has no answer that a browser could hide."""
    asking = exchange(noted={name.encode(): value.encode() for name, value in noted.items()})
    reply = Handshakes(cors())(asking)
    assert ((403, Reason.ORIGIN_DENIED) if refused else None) == (reply and (reply.status, reply.reason))


@pytest.mark.parametrize(
    ("asking", "reason"),
    [
        pytest.param((), None, id="no browser"),
        pytest.param((APP,), None, id="an origin that may ask"),
        pytest.param((APP, "GET"), None, id="a preflight that would be granted"),
        pytest.param(("https://evil.example",), Reason.ORIGIN_DENIED, id="another origin"),
        pytest.param(("https://evil.example", "GET"), Reason.ORIGIN_DENIED, id="a preflight of it"),
        pytest.param((APP, "PUT"), Reason.PREFLIGHT_METHOD, id="another method"),
        pytest.param((APP, "GET", "x-api"), Reason.PREFLIGHT_FIELDS, id="another field"),
    ],
)
def test_a_policy_on_trial_only_tells(request_of, asking, reason):
    """Nothing is answered and nothing noted for the response: the backend still decides."""
    exchange = request_of(*asking)
    assert Reported(Trial(cors()))(exchange) is None
    assert ((("cors", reason),) if reason else ()) == exchange.reported
    assert () == exchange.response_fields


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(cors(), id="cors"),
        pytest.param(Handshakes(cors()), id="handshakes"),
        pytest.param(Trial(cors()), id="on trial"),
    ],
)
def test_a_policy_says_its_name_and_its_place(policy: Policy):
    assert ("cors", SOURCE) == (policy.name, policy.source)


# Beside a browser.

FIELD_NAMES = st.lists(st.sampled_from(["accept", "content-type", "X-Api", "x-other", "authorization"]))
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "patch"])
ORIGINS = st.sampled_from([APP, "https://a.app.example", "https://evil.example", "null"])


@st.composite
def all_terms(draw) -> Terms:
    """Terms that a configuration may have."""
    credentials = draw(st.booleans())
    wild = [] if credentials else [("*",)]
    return Terms(
        allow_origins=draw(st.sampled_from([(APP,), SITES, ("null",), (APP, *SITES), *wild])),
        allow_methods=draw(st.sampled_from([(), ("PUT",), ("GET", "PATCH", "DELETE")])),
        allow_headers=draw(st.sampled_from([(), ("X-Api", "Authorization"), ("x-other",), *wild])),
        credentials=credentials,
        max_age=draw(st.sampled_from([None, 600.0])),
        on_disallowed=draw(st.sampled_from(["omit", "reject"])),
    )


def answered(terms: Terms, method: bytes, noted: dict[bytes, bytes]):
    """The verdict, and the fields of the response with those that every response has."""
    request = Request(method, b"a.example", b"/", b"", [], noted, 0, "192.0.2.1", False, Block(()))
    exchange = Exchange(request, b"0" * 32, ())
    reply = Cors(terms, SOURCE)(exchange)
    fields = (*exchange.response_fields, *constant(terms))
    return reply, [(name.decode(), value.decode()) for name, value in fields]


@settings(deadline=None)
@given(terms=all_terms(), origin=ORIGINS, method=METHODS, names=FIELD_NAMES)
def test_a_browser_understands_the_answer_as_it_is_meant(browser, terms, origin, method, names):
    """It sends the request if and only if the preflight was granted, with credentials if they are allowed."""
    reply, fields = answered(terms, b"OPTIONS", asked(origin, method, ",".join(names)))
    granted = reply.reason is None
    answer = reply.status, fields
    assert granted is browser.sends(answer, origin, method, names, credentials=False)
    assert (granted and terms.credentials) is browser.sends(answer, origin, method, names, credentials=True)


@settings(deadline=None)
@given(terms=all_terms(), origin=ORIGINS)
def test_a_browser_shows_what_an_allowed_origin_asked_for(browser, terms, origin):
    """And what it may show does not depend on whether a preflight went ahead."""
    _, fields = answered(terms, b"GET", asked(origin))
    asking, _ = answered(terms, b"OPTIONS", asked(origin, "GET"))
    allowed = asking.reason is None
    assert allowed is browser.shows(fields, origin, credentials=False)
    assert (allowed and terms.credentials) is browser.shows(fields, origin, credentials=True)


@settings(deadline=None)
@given(terms=all_terms(), origin=ORIGINS, method=METHODS)
def test_no_permission_leaves_without_its_origin(terms, origin, method):
    """Credentials are said only beside one origin that is echoed; a refused one is told nothing at all."""
    for noted in (asked(origin), asked(origin, method)):
        verdict, fields = answered(terms, b"OPTIONS" if ASKED_METHOD in noted else b"GET", noted)
        said = dict(fields)
        named = said.get("Access-Control-Allow-Origin")
        assert named in (None, "*", origin)
        assert ("Access-Control-Allow-Credentials" in said) is (terms.credentials and named is not None)
        if named is None:
            assert not [name for name in said if name.startswith("Access-Control-")]
            assert verdict is None or verdict.reason is Reason.ORIGIN_DENIED
