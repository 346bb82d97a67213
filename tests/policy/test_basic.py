"""Users with a password: what counts as one, what is remembered, and what an unknown user costs."""

from base64 import b64encode

import pytest

from gateway.policy import Principal, Reason
from gateway.policy.authn import Identity
from gateway.policy.basic import Basic, User


def user(name, hash, **more):
    return User(name, hash, Identity(Principal(name, "basic"), ((b"X-Auth-Subject", b"x"),)), **more)


USERS = (user("thandi", "hash-1"), user("jöhan", "hash-2"), user("gone", "hash-3", disabled=True))
PASSWORDS = {"hash-1": b"open: sesame", "hash-2": "sësam".encode(), "hash-3": b"p"}


class Hashes:
    """The port: hashes that are compared at once, or later; `asked` has those that were. Busy on demand."""

    def __init__(self):
        self.asked = []
        self.later = False
        self.busy = False

    def password(self, hash, password):
        self.asked.append(hash)
        verdict = None if self.busy else PASSWORDS[hash] == password
        return self.wait(verdict) if self.later else verdict

    async def wait(self, verdict):
        return verdict


class Watch:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def hashes():
    return Hashes()


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def method(hashes, watch):
    return Basic(USERS, "edge", (), verifier=hashes, monotonic=watch)


@pytest.fixture
def shown(exchange):
    def make(text, scheme=b"Basic "):
        raw = text if isinstance(text, bytes) else text.encode()
        return exchange(fields=[(b"Authorization", scheme + b64encode(raw))])

    return make


async def outcome(method, here):
    said = method(here)
    return await said if hasattr(said, "__await__") else said


@pytest.mark.parametrize("later", [False, True], ids=["at once", "after a wait"])
@pytest.mark.parametrize(
    ("text", "subject", "reason"),
    [
        pytest.param("thandi:open: sesame", "thandi", None, id="a password with a colon"),
        pytest.param("jöhan:sësam", "jöhan", None, id="beyond ASCII, in UTF-8"),
        pytest.param("thandi:Open: sesame", None, Reason.WRONG_PASSWORD, id="a wrong password"),
        pytest.param("thandi:", None, Reason.WRONG_PASSWORD, id="an empty password"),
        pytest.param("Thandi:open: sesame", None, Reason.WRONG_PASSWORD, id="a user in another case"),
        pytest.param("nobody:open: sesame", None, Reason.WRONG_PASSWORD, id="an unknown user"),
        pytest.param("gone:p", None, Reason.USER_DISABLED, id="a disabled user"),
        pytest.param("gone:q", None, Reason.WRONG_PASSWORD, id="a disabled user, wrong password"),
    ],
)
async def test_a_password_proves_who_asks(method, hashes, shown, later, text, subject, reason):
    hashes.later = later
    said = await outcome(method, shown(text))
    assert (subject, reason) == (
        (said.principal.subject, None) if isinstance(said, Identity) else (None, said.reason)
    )


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"Basic", id="no credential"),
        pytest.param(b"Basic ", id="an empty one"),
        pytest.param(b"Basic !!!!", id="no base64"),
        pytest.param(b"Basic dGhhbmRpOm8", id="base64 without its padding"),
        pytest.param(b"Basic dGhhbmRpOm8=x", id="base64 and more"),
        pytest.param(b"Basic dGhh bmRpOm8=", id="a blank inside"),
        pytest.param(b"Basic dGhhbmRpOm8=, Basic dGhhbmRpOm8=", id="two of them"),
        pytest.param(b"Basic " + b64encode(b"thandi"), id="no colon"),
        pytest.param(b"Basic " + b64encode(b":secret"), id="no user"),
        pytest.param(b"Basic " + b64encode(b"tha\0ndi:open: sesame"), id="a NUL in the user"),
        pytest.param(b"Basic " + b64encode(b"thandi:open\0: sesame"), id="a NUL in the password"),
        pytest.param(b"Basic " + b64encode(b"thandi\r\nX: y:p"), id="a line break"),
        pytest.param(b"Basic " + b64encode("thandi:\x85".encode()), id="a control character beyond ASCII"),
        pytest.param(b"Basic " + b64encode(b"j\xf6han:p"), id="another encoding"),
        pytest.param(b"Basic " + b64encode(b"thandi:" + b"x" * 800), id="one of more than a KiB"),
        pytest.param(b"Basic " + b"A" * 30_000, id="a huge one"),
    ],
)
async def test_what_is_no_credential_costs_no_hash(method, hashes, exchange, value):
    reply = method(exchange(fields=[(b"Authorization", value)]))
    assert (400, Reason.MALFORMED_CREDENTIALS) == (reply.status, reply.reason)
    assert [] == hashes.asked


@pytest.mark.parametrize("scheme", [b"basic ", b"BASIC ", b"Basic  "])
def test_the_scheme_is_read_in_any_case(method, shown, scheme):
    assert isinstance(method(shown("thandi:open: sesame", scheme)), Identity)


@pytest.mark.parametrize("value", [b"Bearer abc", b"Basically abc", b"Digest a", b"Basic-x abc"])
def test_another_scheme_is_somebody_elses(method, exchange, value):
    assert method(exchange(fields=[(b"Authorization", value)])) is None
    assert method(exchange()) is None


def test_a_right_password_is_remembered_for_a_minute(method, hashes, watch, shown):
    first = method(shown("thandi:open: sesame"))
    watch.now = 59.9
    assert first is method(shown("thandi:open: sesame"))
    assert ["hash-1"] == hashes.asked
    watch.now = 60.0
    assert first is method(shown("thandi:open: sesame"))
    assert ["hash-1"] * 2 == hashes.asked


def test_nothing_else_is(method, hashes, shown):
    for text in ("thandi:wrong", "thandi:wrong", "nobody:x", "nobody:x", "gone:p", "gone:p"):
        method(shown(text))
    assert 6 == len(hashes.asked)
    method(shown("thandi:open: sesame"))
    assert Reason.WRONG_PASSWORD is method(shown("thandi:open: sesame!")).reason
    assert 8 == len(hashes.asked)


def test_what_is_remembered_is_bounded_and_no_password(method, hashes, watch, shown):
    for number in range(3000):
        PASSWORDS["hash-1"] = str(number).encode()
        method(shown(f"thandi:{number}"))
    PASSWORDS["hash-1"] = b"open: sesame"
    assert len(method._known) <= 2048
    assert {32} == {len(key) for key in method._known._young}


def test_the_memories_of_two_processes_have_nothing_in_common(hashes, watch, shown):
    keys = []
    for _ in range(2):
        method = Basic(USERS, "edge", (), verifier=hashes, monotonic=watch)
        method(shown("thandi:open: sesame"))
        keys += method._known._young
    assert 2 == len({*keys})


def test_an_unknown_user_costs_what_one_of_the_users_costs(method, hashes, shown):
    for number in range(60):
        method(shown(f"nobody-{number}:x"))
        method(shown(f"nobody-{number}:y"))
    asked = hashes.asked
    assert {"hash-1", "hash-2", "hash-3"} == {*asked}
    assert asked[::2] == asked[1::2]


def test_the_password_of_the_stand_in_is_no_proof(method, shown):
    for number in range(20):
        for password in PASSWORDS.values():
            reply = method(shown(b"nobody-%d:%b" % (number, password)))
            assert Reason.WRONG_PASSWORD is reply.reason


def test_wrong_users_and_wrong_passwords_are_answered_alike(method, shown):
    (reply,) = {method(shown("thandi:x")), method(shown("nobody:x")), method(shown("gone:x"))}
    assert b'Basic realm="edge", charset="UTF-8"' == dict(reply.fields)[b"WWW-Authenticate"]


@pytest.mark.parametrize("later", [False, True], ids=["at once", "after a wait"])
async def test_where_nobody_can_tell_nobody_passes(method, hashes, shown, later):
    hashes.later, hashes.busy = later, True
    reply = await outcome(method, shown("thandi:open: sesame"))
    assert (503, Reason.VERIFIER_BUSY) == (reply.status, reply.reason)
    assert (b"Retry-After", b"2") in reply.fields
    hashes.busy = False
    assert isinstance(await outcome(method, shown("thandi:open: sesame")), Identity)
