import pytest
from argon2 import PasswordHasher

from gateway.config.fresh import key_entry, user_entry
from gateway.config.source import read

HASH = PasswordHasher(1, 7 * 1024, 1).hash("x")


def pasted(section, text):
    """The entries of a file that the text is pasted into."""
    tree, problems = read("a.yaml", f"{section}:\n{text}\n".encode(), lambda text: text)
    assert [] == problems
    return tree.at((section,))


def test_an_entry_is_pasted_as_it_is():
    text = key_entry(
        "abcd", "0" * 64, 'a "b" #c', {"roles": ["x"], "tier": None, "scopes": [], "expires": ""}
    )
    (entry,) = pasted("keys", text)
    assert {"id": "abcd", "sha256": "0" * 64, "principal": 'a "b" #c', "roles": ["x"]} == entry
    (user,) = pasted("users", user_entry("thandi", HASH))
    assert {"name": "thandi", "hash": HASH} == user


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param({"roles": ["1"]}, "^roles: a name of letters", id="a role"),
        pytest.param({"tier": "a b"}, "^tier: a name of letters", id="a tier"),
        pytest.param({"expires": "tomorrow"}, "^expires: a moment such as", id="a moment"),
        pytest.param({"expires": 7}, "^expires: a moment such as", id="a number"),
    ],
)
def test_what_would_not_load_is_not_printed(more, message):
    with pytest.raises(ValueError, match=message):
        key_entry("abcd", "0" * 64, "probe", more)
    with pytest.raises(ValueError, match=r"^name: expected a name"):
        user_entry("a:b", HASH)
