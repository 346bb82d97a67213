import pytest

from gateway.config.snapshot import Slo

HEAD = """
version: 1
upstreams: {pay: {endpoints: ["http://h"]}, mint: {endpoints: ["http://h"]}}
policies: [policies]
"""
WHOLE = "slo: {availability: 99.9%, latency: {below: 300ms, target: 99%}}"


def file(*routes, defaults="upstream: pay"):
    """A file of policies; each route is an id, and what it says beside its match."""
    lines = [f"  - {{id: {id}, match: {{path: /{id}}}, auth: public{more}}}\n" for id, more in routes]
    return f"defaults: {{{defaults}}}\nroutes:\n{''.join(lines)}"


@pytest.mark.parametrize(
    ("texts", "slos"),
    [
        pytest.param({"policies": file(("a", ""))}, (), id="nothing is promised unless said"),
        pytest.param(
            {"policies": file(("a", ""), ("b", ""), defaults=f"upstream: pay, {WHOLE}")},
            (Slo("pay", "", (), 0.999), Slo("pay", "", (), 0.99, 0.3)),
            id="the default of a file is one promise for its upstream",
        ),
        pytest.param(
            {"policies": file(("a", ", slo: {latency: {below: 9ms, target: 95%}}"))},
            (Slo("pay", "a", (), 0.95, 0.009),),
            id="a route's own is for that route",
        ),
        pytest.param(
            {
                "policies": file(
                    ("a", ""), ("b", ", slo: {availability: 99%}"), defaults=f"upstream: pay, {WHOLE}"
                )
            },
            (Slo("pay", "", ("b",), 0.999), Slo("pay", "", ("b",), 0.99, 0.3), Slo("pay", "b", (), 0.99)),
            id="it replaces the default whole, and does not count in that any more",
        ),
        pytest.param(
            {"policies": file(("b", ", slo: {availability: 99%}"), defaults=f"upstream: pay, {WHOLE}")},
            (Slo("pay", "b", (), 0.99),),
            id="a default that no route has is no promise",
        ),
        pytest.param(
            {
                "policies": file(("a", ""), defaults=f"upstream: pay, {WHOLE}"),
                "b": file(("c", ""), ("b", "")),
            },
            (Slo("pay", "", ("b", "c"), 0.999), Slo("pay", "", ("b", "c"), 0.99, 0.3)),
            id="routes of another file, which promises nothing, do not count",
        ),
        pytest.param(
            {
                "gateway": f"{HEAD}defaults: {{slo: {{availability: 99%}}}}\n",
                "policies": file(("a", "")),
                "b": file(("b", ""), ("c", ", upstream: mint")),
            },
            (Slo("mint", "", (), 0.99), Slo("pay", "", (), 0.99)),
            id="the default of gateway.yaml is one promise for each upstream",
        ),
        pytest.param(
            {
                "policies": file(("a", ""), defaults="upstream: pay, slo: {availability: 99%}"),
                "b": file(("b", ""), defaults="upstream: pay, slo: {availability: 99%}"),
            },
            (Slo("pay", "", (), 0.99),),
            id="two files that promise the same make one promise",
        ),
        pytest.param(
            {
                "policies": file(
                    ("a", ", redirect: {to: /b}"), ("b", ", respond: {}"), defaults=f"upstream: pay, {WHOLE}"
                )
            },
            (),
            id="nothing is promised of what has no upstream",
        ),
    ],
)
def test_objectives_are_for_a_route_or_for_an_upstream(compiled, texts, slos):
    assert slos == compiled(**{"gateway": HEAD, **texts}).slos


def test_objectives_do_not_depend_on_the_order_in_the_files(compiled):
    routes = [("c", ", slo: {availability: 99%}"), ("a", ", slo: {availability: 98%}"), ("b", "")]
    defaults = f"upstream: pay, {WHOLE}"
    one, other = (
        compiled(gateway=HEAD, policies=file(*order, defaults=defaults)).slos
        for order in (routes, routes[::-1])
    )
    assert one == other


def test_two_files_may_not_promise_two_things_of_one_upstream(report):
    """Told once, at the first route that has the other one."""
    assert [
        'policies/b.yaml:3:5: routes[0]: expected one slo by default for the upstream "pay", '
        "got that of policies/b.yaml:1 beside that of policies/a.yaml:1"
    ] == report(
        gateway=HEAD,
        policies=file(("a", ""), defaults="upstream: pay, slo: {availability: 99%}"),
        b=file(("b", ""), ("c", ""), defaults="upstream: pay, slo: {availability: 98%}"),
    )


def test_an_operation_is_told_with_its_route(compiled):
    routes = compiled(gateway=HEAD, policies=file(("a", ", operation: payment"), ("b", ""))).routes
    assert ["payment", ""] == [route.operation for route in routes]
