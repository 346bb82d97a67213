import pytest

from gateway.rehearsal import Assumed


def test_a_principal_is_what_a_token_would_have_made_of_it():
    assumed = Assumed("thandi", frozenset(["student"]), frozenset(["a"]), {"wallet": "w-1"}, tier="gold")
    identity = assumed.identity("azora-id")
    principal = identity.principal
    assert ("thandi", "azora-id", {"sub": "thandi", "wallet": "w-1"}, "gold") == (
        *(principal.subject, principal.method, principal.claims),
        principal.tier,
    )
    assert (
        (b"X-Auth-Subject", b"thandi"),
        (b"X-Auth-Roles", b"student"),
        (b"X-Auth-Scopes", b"a"),
        (b"X-Auth-Method", b"azora-id"),
    ) == identity.fields


def test_its_own_method_and_claims_are_stronger():
    principal = Assumed("thandi", claims={"sub": "other"}, method="mtls").identity("azora-id").principal
    assert ("mtls", {"sub": "other"}) == (principal.method, principal.claims)


def test_what_no_token_could_say_is_refused():
    with pytest.raises(ValueError, match="control character"):
        Assumed("a\nb").identity("azora-id")


@pytest.mark.parametrize(
    ("assumed", "text"),
    [
        pytest.param(Assumed("thandi"), "thandi", id="alone"),
        pytest.param(Assumed("thandi", frozenset(["b", "a"])), "thandi:a,b", id="with roles"),
    ],
)
def test_it_reads_as_it_is_typed(assumed, text):
    assert text == str(assumed)
