"""A route for programs."""

import pytest

from gateway.listing.view import route_view


@pytest.mark.parametrize(
    ("said", "target"),
    [
        pytest.param("upstream: backend", "backend", id="service"),
        pytest.param("redirect: {to: /b}", "redirect 308", id="redirection"),
        pytest.param("respond: {status: 204}", "respond 204", id="answer"),
    ],
)
def test_route_says_where_it_goes(snapshot, said, target):
    (route,) = snapshot(f"routes: [{{id: a, match: {{path: /a}}, auth: public, {said}}}]").routes
    view = route_view(route)
    assert ("a", [], "/a", target) == (view["id"], view["methods"], view["path"], view["target"])
    assert {"id", "methods", "path", "target", "policies", "source"} == {*view}
