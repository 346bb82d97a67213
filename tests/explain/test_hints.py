from base64 import urlsafe_b64encode

import pytest


def token(claims):
    parts = (b'{"alg": "RS256"}', claims, b"a")
    return b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts).decode()


TOKEN = token(b'{"sub": "thandi", "roles": ["clerk"], "scope": "a b", "exp": 1, "wallet": "w 1"}')
OPTIONS = "--as SUBJECT:ROLE,ROLE --scope SCOPE --claim NAME=JSON"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("GET /api/open/1", [], id="nothing to say"),
        pytest.param(
            "GET /api/bills", [f"To see what a principal gets, say who asks: {OPTIONS}"], id="nobody asks"
        ),
        pytest.param(
            "GET /api/bills --as thandi",
            ["bills:read is granted by boss, clerk, owner."],
            id="who would have been permitted",
        ),
        pytest.param("GET /api/bills --as johan:boss", [], id="who is"),
        pytest.param(
            "GET /api/mine/johan --as thandi --claim n=1",
            ['It was known that path.who is "johan", claims.sub is "thandi", claims.n is 1.'],
            id="what a condition could look at",
        ),
        pytest.param(
            f"GET /api/bills --token {TOKEN}",
            [
                f"Nobody is asked here. Say who would be verified: {OPTIONS}",
                "The token says of itself, and nobody has verified it: --as thandi:clerk --scope a --scope b "
                "--claim 'wallet=\"w 1\"'",
            ],
            id="what a token says that nobody can verify",
        ),
        pytest.param(
            f"GET /api/bills --token {token(b'[]')}",
            [f"Nobody is asked here. Say who would be verified: {OPTIONS}"],
            id="a token that says nothing",
        ),
        pytest.param(
            "GET /api/any --as thandi",
            ["This route has no `allow`: every verified principal may ask."],
            id="everybody who is verified",
        ),
        pytest.param(
            "GET /api/open/1 --as thandi",
            ["Nobody is asked who he is here: --as makes no difference."],
            id="somebody where nobody is asked",
        ),
        pytest.param("GET // --as thandi", [], id="what is no request"),
    ],
)
def test_whoever_asks_is_told_how_to_go_on(told, line, expected):
    assert expected == told(line).hints
