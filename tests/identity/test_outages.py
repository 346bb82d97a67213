import logging

from gateway.identity.outages import Outages


def test_an_outage_is_told_when_it_begins_and_when_it_is_over(caplog):
    caplog.set_level(logging.INFO, "gateway")
    outages = Outages()
    outages.answered("a")
    for why in ("no answer", "status 500", "no answer"):
        outages.failed("a", why)
    outages.failed("b", "status 404")
    for _ in range(2):
        outages.answered("a")
    outages.failed("a", "again")
    assert ["a: no answer", "b: status 404", "a: answers again", "a: again"] == caplog.messages
