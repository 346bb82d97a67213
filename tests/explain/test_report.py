def test_a_report_has_both_sides_of_a_request_that_passes(told):
    made = told("GET /api/open/7?a")
    assert made.is_passing
    line, fields = made.forwarded
    assert ("GET /open/7?a HTTP/1.1", ("Host", "localhost")) == (line, fields[0])
    changes = made.changes
    assert ("RateLimit", '"few";r=1;t=30') in changes.add
    assert (True, True) == (made.config_version != "", made.listener == "127.0.0.1:0")


def test_what_is_set_is_not_also_added(stage, said):
    from gateway.explain.question import question
    from gateway.explain.report import report

    made = stage(headers="preset: api, set: {X-Set: '1'}, default: {X-Default: '2'}, remove: [X-Gone]")
    changes = report(made, question(said("GET /a"), made.snapshot.listeners)).changes
    assert ("X-Set", "1") in changes.set
    assert ("X-Default", "2") in changes.default
    assert not set(changes.add) & {*changes.set, *changes.default}
    assert {"x-gone", "server", "x-powered-by"} <= set(changes.own_removals)
    assert len(changes.own_removals) < 10 < len(changes.remove)


def test_what_nobody_reads_has_no_policy(told):
    made = told("GET //")
    assert ([], ("", [])) == (made.keys, made.forwarded)
    assert not made.is_passing


def test_what_no_route_takes_has_that_of_the_defaults(told):
    assert "match" not in {key.name for key in told("GET /nowhere").keys}
