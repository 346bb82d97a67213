import pytest

from gateway.policy import csp


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param("default-src 'self'", id="one directive"),
        pytest.param("default-src 'self';", id="a semicolon at the end"),
        pytest.param("default-src 'self';; ;script-src 'self'", id="empty directives are allowed"),
        pytest.param("DEFAULT-SRC 'SELF'", id="names and keywords have no case"),
        pytest.param("default-src 'none'; sandbox allow-scripts", id="sandbox has words of its own"),
        pytest.param("upgrade-insecure-requests", id="a directive without a value"),
        pytest.param("script-src 'sha256-ysJx6tOgkMiUl7/wP2m1mPhOyIYzvYhmvJ3O5wW7qyE='", id="a hash"),
        pytest.param(
            "script-src 'strict-dynamic' 'unsafe-eval' https: data: *.a.example:8443/x", id="sources"
        ),
        pytest.param(
            "script-src self.example none.example nonce.example", id="hosts that begin like keywords"
        ),
        pytest.param(
            "require-trusted-types-for 'script'; trusted-types 'allow-duplicates' a", id="trusted types"
        ),
        pytest.param("default-src", id="a source list may be empty, as if 'none'"),
    ],
)
def test_a_sound_policy_has_no_problems(policy):
    assert not csp.problems(policy)


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        *(
            pytest.param(
                f"default-src {word}", f"expected '{word}' in single quotes, got {word}", id=f"{word} bare"
            )
            for word in (
                "self",
                "none",
                "unsafe-inline",
                "SELF",
                "nonce-abc",
                "sha256-abc=",
                "strict-dynamic",
            )
        ),
        pytest.param(
            "img-src 'self", "expected 'self' in single quotes, got 'self", id="a quote that is not closed"
        ),
        pytest.param("img-src '", "expected '' in single quotes, got '", id="a quote alone"),
        pytest.param("img-src 'slef'", "expected 'self', got 'slef'", id="a keyword misspelt"),
        pytest.param("img-src 'x'", "expected a keyword or a hash, got 'x'", id="a keyword nobody knows"),
        pytest.param(
            "script-src 'sha256-'", "expected a keyword or a hash, got 'sha256-'", id="a hash of nothing"
        ),
        pytest.param(
            "script-src 'nonce-YWJj'",
            "expected a hash, got a nonce, which protects nothing when every response carries the same",
            id="a constant nonce",
        ),
        pytest.param(
            "img-src 'none' a.example",
            "expected 'none' alone in img-src, got more, so that browsers ignore it",
            id="none and more",
        ),
        pytest.param(
            "img-src a; IMG-SRC b",
            "expected each directive once, got a second img-src, which browsers ignore",
            id="a directive twice",
        ),
        pytest.param("defualt-src 'self'", "expected default-src, got defualt-src", id="a name misspelt"),
        pytest.param(
            "colour red", "expected a directive of CSP Level 3, got colour", id="a name nobody knows"
        ),
        pytest.param(
            "upgrade-insecure-requests 1",
            "expected upgrade-insecure-requests without a value, got 1",
            id="a switch with a value",
        ),
        pytest.param("", "expected a policy such as default-src 'self', got an empty one", id="empty"),
        pytest.param(" ; ", "expected a policy such as default-src 'self', got an empty one", id="blank"),
        pytest.param(
            "default-src 'self', script-src 'self'",
            "expected one policy, got a comma, which begins a second one",
            id="two policies",
        ),
    ],
)
def test_a_fault_is_named(policy, problem):
    assert [problem] == csp.problems(policy)


def test_all_faults_are_told_in_the_order_of_the_text():
    words = ["self", "nonsense", "none"]
    found = csp.problems("img-src self; nonsense; font-src none")
    assert words == [text.rpartition("got ")[2] for text in found]
