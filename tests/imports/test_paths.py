"""Paths of OpenAPI in the words of a route."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.http.template import parse_path
from gateway.imports.paths import pattern


@pytest.mark.parametrize(
    ("path", "made", "is_wider"),
    [
        pytest.param("/", "/", False, id="root"),
        pytest.param("/pets", "/pets", False, id="literal"),
        pytest.param("/pets/", "/pets", False, id="a slash at the end"),
        pytest.param("/pets/{petId}", "/pets/{pet_id}", False, id="a variable"),
        pytest.param("/{a}/{A}/{a-}", "/{a}/{a_2}/{a_3}", False, id="names that become one"),
        pytest.param("/{1st}", "/{v_1st}", False, id="a digit in front"),
        pytest.param("/{\u00e9}", "/{v}", False, id="no letter that stays"),
        pytest.param("/{HTTPServer2Id}", "/{httpserver2_id}", False, id="capitals"),
        pytest.param("/pets/{id}.json", "/pets/{id}", True, id="a variable in a segment"),
        pytest.param("/{a}-{b}", "/{a_b}", True, id="two of them"),
        pytest.param("/pets:search", "/pets:search", False, id="a colon"),
        pytest.param("/my pets", "/my%20pets", False, id="what has to be escaped"),
        pytest.param("/%7eada", "/~ada", False, id="what need not be"),
        pytest.param("/a;b", "/a;b", False, id="a semicolon"),
    ],
)
def test_pattern(path, made, is_wider):
    assert (made, is_wider) == pattern(path)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "pets",
            "",
            "/a//b",
            "/a/../b",
            "/./a",
            "/a?b=c",
            "/a#b",
            "/a{b",
            "/a}b",
            "/{a{b}",
            "/%zz",
            "/a\\b",
        ),
        *("/a\nb", "/a\x00", "/%00", "/" + "a/" * 70),
    ],
)
def test_no_route_can_match(path):
    with pytest.raises(ValueError, match="expected"):
        pattern(path)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="/{}ab.%2F;:\n \u00e9$-", max_size=20))
def test_what_comes_out_is_a_path_of_a_route(path):
    try:
        made, _ = pattern(path)
    except ValueError:
        return
    assert made.isascii()
    assert made.isprintable()
    parse_path(made)
