"""What several workers count is told as if one had counted it."""

import asyncio
from math import inf

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.metrics import METRICS, REQUESTS, Sheet
from gateway.telemetry.report import (
    Ledger,
    families,
    merged,
    process,
    remains,
    report,
    supervision,
    supervisor_report,
)
from gateway.telemetry.tally import Histogram

DURATION = "gateway_upstream_duration_seconds"
SENT = "gateway_sent_bytes_total"
ROUTE = ("r", "u")


def told(**values):
    """The report of a worker that has these values: a number, or numbers by their labels."""
    sheet = Sheet(METRICS.values())
    for name, value in values.items():
        for labels, each in value.items() if isinstance(value, dict) else [((), value)]:
            sheet.add(name, each, *labels)
    return report([sheet])


def timed(*seconds, bounds=(0.5, 1.0), trace="", at=0.0):
    """The report of a worker that has measured these, the last one with a trace."""
    histogram = Histogram(bounds)
    for each in seconds:
        place = histogram.observe(each)
    if trace:
        histogram.exemplars[place] = trace, seconds[-1], at
    sheet = Sheet(REQUESTS)
    sheet.include(DURATION, histogram, "u")
    return report([sheet])


def values(reports, name):
    """What these say together of a metric: values by their labels."""
    (family,) = [each for each in families(reports) if each.name == name.removesuffix("_total")]
    return {(*sample.labels.values(),): sample.value for sample in family.samples}


def buckets(*reports):
    return {le: count for (_, *bound), count in values(reports, DURATION).items() for le in bound}


def traces(*reports):
    (family,) = [each for each in families(reports) if each.name == DURATION]
    return {
        sample.labels["le"]: sample.exemplar.labels["trace_id"]
        for sample in family.samples
        if sample.exemplar
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("gateway_client_connections", 5, id="what each holds is added up"),
        pytest.param("gateway_client_connections_limit", 5, id="and so is the limit of each"),
        pytest.param("gateway_worker_deaths_total", 5, id="what counts on is added up"),
        pytest.param("gateway_reload_successful", 2, id="who cannot reload is seen"),
        pytest.param("gateway_quota_store_local", 3, id="who has lost the store is seen"),
        pytest.param("process_start_time_seconds", 2, id="it began with the first"),
        pytest.param("gateway_workers_configured", 3, id="what one knows is not added up"),
    ],
)
def test_values_are_put_together_as_the_table_says(name, expected):
    assert {(): expected} == values([told(**{name: 2}), told(**{name: 3})], name)


def test_series_are_put_together_by_their_labels():
    reports = [told(**{SENT: {ROUTE: 2, ("s", "u"): 1}}), told(**{SENT: {ROUTE: 3, ("t", ""): 7}})]
    assert {ROUTE: 5, ("s", "u"): 1, ("t", ""): 7} == values(reports, SENT)


def test_an_endpoint_is_up_while_a_worker_uses_it():
    """And it is told that another does not."""
    labels = ("u", "192.0.2.1:80")
    up, ejected = "gateway_upstream_endpoint_up", "gateway_upstream_endpoint_ejected"
    reports = [
        told(**{up: {labels: 1}, ejected: {labels: 0}}),
        told(**{up: {labels: 0}, ejected: {labels: 1}}),
    ]
    assert {labels: 1} == values(reports, up)
    assert {labels: 1} == values(reports, ejected)


def test_two_versions_that_serve_at_a_time_are_both_told():
    name = "gateway_config_info"
    reports = [told(**{name: {(version,): 1}}) for version in ("a", "b", "a")]
    assert {("a",): 1, ("b",): 1} == values(reports, name)


@pytest.mark.parametrize("metric", [pytest.param(each, id=name) for name, each in METRICS.items()])
def test_what_counts_on_is_always_added_up(metric):
    assert metric.kind == "gauge" or metric.together == "sum"


def test_histograms_of_the_same_bounds_are_added_up():
    assert {"0.5": 2, "1.0": 3, "+Inf": 5} == buckets(timed(0.1, 0.7, 3.0), timed(0.2, 2.0))
    assert 6.0 == values([timed(0.1, 0.7, 3.0), timed(0.2, 2.0)], DURATION)["u",]


@pytest.mark.parametrize(
    ("living", "gone", "expected"),
    [
        pytest.param(
            [timed(0.2, 0.4), timed(0.2, 0.4, bounds=(0.3, 0.5, 1.0))],
            [],
            {"0.5": 4, "1.0": 4, "+Inf": 4},
            id="a bound is told that all have counted by",
        ),
        pytest.param(
            [timed(0.2, 0.4, bounds=(0.3, 0.5, 1.0))],
            [timed(0.2, 0.4)],
            {"0.3": 1, "0.5": 4, "1.0": 4, "+Inf": 4},
            id="those that are gone may lack it: they count no more",
        ),
        pytest.param(
            [timed(0.2, 0.4)],
            [timed(0.2, 0.4, bounds=(0.3, 0.5, 1.0))],
            {"0.5": 4, "1.0": 4, "+Inf": 4},
            id="nor does it help that they had it",
        ),
        pytest.param(
            [],
            [timed(0.2, 0.4), timed(0.2, 0.4, bounds=(0.3, 0.5, 1.0))],
            {"0.3": 1, "0.5": 4, "1.0": 4, "+Inf": 4},
            id="of those that are gone nothing is lost",
        ),
        pytest.param(
            [timed(0.2, bounds=(0.3,)), timed(0.2, bounds=(0.7,))],
            [],
            {"+Inf": 2},
            id="without a bound in common there is one bucket",
        ),
    ],
)
def test_histograms_of_other_bounds_tell_what_is_known_of_all(living, gone, expected):
    """A worker that was started after a reload has the bounds of the new objectives, the others have not."""
    reports = [*living, *map(remains, gone)]
    assert expected == buckets(*reports)
    assert expected == buckets(*reversed(reports))
    assert expected == buckets(merged(living), merged(map(remains, gone)))


def test_the_newest_trace_of_each_place_is_told():
    old, new = timed(0.1, trace="a" * 32, at=1.0), timed(0.2, trace="b" * 32, at=2.0)
    other = timed(3.0, trace="c" * 32, at=0.5)
    expected = {"0.5": "b" * 32, "+Inf": "c" * 32}
    assert expected == traces(old, new, other) == traces(other, new, old)


def test_a_trace_goes_where_its_request_is_counted():
    finer = timed(0.2, trace="a" * 32, at=1.0, bounds=(0.3, 0.5, 1.0))
    assert {"0.5": "a" * 32} == traces(finer, timed(3.0))


def test_of_a_worker_that_is_gone_only_what_counts_on_remains():
    left = remains(told(**{"gateway_requests_in_flight": 3, SENT: {ROUTE: 5}}))
    assert {} == values([left], "gateway_requests_in_flight")
    assert {ROUTE: 5} == values([left], SENT)
    assert {ROUTE: 7} == values([left, told(**{SENT: {ROUTE: 2}})], SENT)
    assert {"0.5": 1, "1.0": 1, "+Inf": 2} == buckets(remains(timed(0.1, 3.0)))


def test_what_is_put_together_can_be_put_together_again():
    reports = [told(**{SENT: {ROUTE: each}, "gateway_reload_successful": each}) for each in (1, 2, 3)]
    again = merged([merged(reports[:2]), reports[2], merged([])])
    for name in (SENT, "gateway_reload_successful"):
        assert values(reports, name) == values([again], name)


GOOD = orjson.loads(timed(0.1))


def spoilt(**changes):
    """A report whose one series has something else in it."""
    series = {"labels": ["u"], "bounds": [0.5, 1.0], "counts": [1, 0, 0], "sum": 0.1, "exemplars": [None] * 3}
    series |= changes
    row = [series["labels"], [series["bounds"], series["counts"], series["sum"], series["exemplars"]]]
    return orjson.dumps(GOOD | {"series": {DURATION: [row]}})


def test_a_report_that_is_not_spoilt_is_read():
    assert {"0.5": 1, "1.0": 1, "+Inf": 1} == buckets(spoilt())


GARBAGE = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"\xff\x00", id="bytes"),
    pytest.param(timed(0.1)[:-1], id="a part of a report"),
    pytest.param(timed(0.1) + b"}", id="more than a report"),
    pytest.param(b"[" * 100_000, id="deep"),
    pytest.param(b"[]", id="a list"),
    pytest.param(b"{}", id="an empty object"),
    pytest.param(b'{"is_gone": 0, "series": {}}', id="a number for a word"),
    pytest.param(b'{"is_gone": false, "series": []}', id="no names"),
    pytest.param(b'{"is_gone": false, "series": {"%b": {}}}' % SENT.encode(), id="no rows"),
    pytest.param(b'{"is_gone": false, "series": {"%b": [[["r", "u"]]]}}' % SENT.encode(), id="no value"),
    pytest.param(b'{"is_gone": false, "series": {"%b": [["ru", 1]]}}' % SENT.encode(), id="no labels"),
    pytest.param(
        b'{"is_gone": false, "series": {"%b": [[["r", 1], 1]]}}' % SENT.encode(), id="a label that is no text"
    ),
    pytest.param(
        b'{"is_gone": false, "series": {"%b": [[["r", "\\ud800"], 1]]}}' % SENT.encode(), id="half a letter"
    ),
    pytest.param(b'{"is_gone": false, "series": {"%b": [[["r", "u"], 1e999]]}}' % SENT.encode(), id="no end"),
    pytest.param(
        b'{"is_gone": false, "series": {"%b": [[["r", "u"], null]]}}' % SENT.encode(), id="no number"
    ),
    pytest.param(
        b'{"is_gone": false, "series": {"%b": [[["r", "u"], 1e308]]}}' % SENT.encode(), id="nearly no end"
    ),
    pytest.param(spoilt(sum=-1e308), id="a sum that nobody has"),
    pytest.param(spoilt(counts=[1, 0]), id="a count too few"),
    pytest.param(spoilt(counts=[1, 0, -1]), id="a count below nothing"),
    pytest.param(spoilt(counts=[1, 0, 0.5]), id="a half"),
    pytest.param(spoilt(bounds=[1.0, 0.5]), id="bounds that go down"),
    pytest.param(spoilt(bounds=[0.5, 0.5]), id="a bound that is there twice"),
    pytest.param(spoilt(bounds=[0.5, "1"]), id="a bound that is no number"),
    pytest.param(spoilt(sum="0.1"), id="a sum that is none"),
    pytest.param(spoilt(exemplars=[None]), id="an exemplar too few"),
    pytest.param(spoilt(exemplars=[[1, 2, 3], None, None]), id="a trace that is no text"),
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_what_is_no_report_is_left_out(garbage):
    """Whole: of a worker that is not in its right mind nothing is believed."""
    reports = [told(**{SENT: {ROUTE: 1}}), garbage, timed(0.1)]
    assert {ROUTE: 1} == values(reports, SENT)
    assert {"0.5": 1, "1.0": 1, "+Inf": 1} == buckets(*reports)
    assert {"0.5": 1, "1.0": 1, "+Inf": 1} == buckets(merged(reports))
    assert merged([remains(garbage)]) == merged([garbage]) == merged([])


def test_of_another_version_what_we_know_is_told():
    """While workers are exchanged for newer ones, both are asked."""
    newer = orjson.loads(told(**{SENT: {ROUTE: 1}}))
    newer["series"]["gateway_invented_total"] = [[["r"], 1]]
    newer["series"]["gateway_requests_total"] = [[["a label more", *"abcde"], 1]]
    newer["more"] = None
    reports = [orjson.dumps(newer), told(**{SENT: {ROUTE: 2}})]
    assert {ROUTE: 3} == values(reports, SENT)
    assert {} == values(reports, "gateway_requests_total")
    assert {*METRICS} >= {each.name for each in families(reports) if each.type != "counter"}


@given(st.binary())
def test_no_bytes_raise(garbage):
    assert {ROUTE: 1} == values([garbage, told(**{SENT: {ROUTE: 1}})], SENT)


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["a", "b"]),
        st.integers(0, 5000).map(lambda number: number / 1024),
        st.booleans(),
    ),
    max_size=40,
)


@given(EVENTS)
def test_who_shares_a_stream_of_events_counts_what_one_would_have_counted(events):
    """However they are shared, and whoever of them is gone; but for gauges, which say what is now."""

    def counted(events):
        sheet = Sheet(REQUESTS)
        histograms = {}
        for time, (_, route, seconds, is_sampled) in events:
            sheet.add(SENT, seconds, route, "u")
            histogram = histograms.setdefault(route, Histogram((0.5, 1.0, 2.0)))
            place = histogram.observe(seconds)
            if is_sampled:
                histogram.exemplars[place] = f"{time:032x}", seconds, float(time)
        for route, histogram in histograms.items():
            sheet.include(DURATION, histogram, route)
        return report([sheet])

    stream = [*enumerate(events)]
    parts = [counted([event for event in stream if event[1][0] == worker]) for worker in range(4)]
    parts[0] = remains(parts[0])

    def samples(reports):
        return {
            (each.name, *sorted(each.labels.items())): (each.value, each.exemplar)
            for family in families(reports)
            for each in family.samples
        }

    assert samples([counted(stream)]) == samples(parts) == samples([merged(parts)])


SECONDS = st.floats(0, 1e6, allow_subnormal=False)


@given(st.lists(SECONDS, min_size=2, max_size=6), st.randoms())
def test_a_sum_is_the_same_in_any_order_and_no_less_when_some_are_gone(seconds, random):
    """A counter that went back by the last bit of a number would seem to have begun anew."""
    name = "process_cpu_seconds_total"

    def counted(seconds):
        return told(**{name: seconds})

    for make, metric, key in ((counted, name, ()), (timed, DURATION, ("u",))):
        parts = [make(each) for each in seconds]
        before = values(parts, metric)[key]
        random.shuffle(parts)
        assert before == values(parts, metric)[key]
        gone = merged([remains(parts[0]), remains(parts[1])])
        assert before <= values([gone, *parts[2:]], metric)[key]


def test_a_supervisor_tells_of_workers_of_buckets_and_of_itself():
    reports = [supervisor_report(4, 2, buckets=7), told(gateway_workers=1, gateway_quota_buckets=1)]
    assert [{(): 4}, {(): 2}, {(): 8}, {(): 1}] == [
        values(reports, name)
        for name in (
            *("gateway_workers_configured", "gateway_worker_deaths_total"),
            *("gateway_quota_buckets", "gateway_workers"),
        )
    ]
    assert 0 < values(reports, "process_start_time_seconds")[()] < inf


def test_what_each_process_takes_is_added_up():
    reports = [report([process()]) for _ in range(2)]
    (one,), (two,) = (values(some, "process_max_fds").values() for some in ([reports[0]], reports))
    assert 2 * one == two


def test_one_process_has_the_same_metrics():
    assert {"gateway_workers_configured": 1, "gateway_worker_deaths_total": 0} == {
        sample.name: sample.value for family in supervision(1, 0).families() for sample in family.samples
    }


class Supervisor:
    """Tells how often it was asked; its clock stands still."""

    now = 10.0
    clock = staticmethod(lambda: Supervisor.now)

    def __init__(self):
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return told(gateway_worker_deaths_total=self.asked)


@pytest.fixture
def ledger():
    return Ledger(Supervisor(), Supervisor.clock)


async def test_a_supervisor_tells_of_itself_once_in_a_second(ledger, monkeypatch):
    """The same reports make the same page, which is not rendered anew then."""
    first = await ledger.reports(())
    assert {(): 1} == values(first, "gateway_worker_deaths_total")
    monkeypatch.setattr(Supervisor, "now", 10.9)
    assert first == await ledger.reports(())
    monkeypatch.setattr(Supervisor, "now", 11.0)
    assert {(): 2} == values(await ledger.reports(()), "gateway_worker_deaths_total")


async def test_who_does_not_answer_still_has_what_it_had_counted(ledger):
    name = "gateway_requests_in_flight"
    ledger.heard(1, told(**{SENT: {ROUTE: 3}, name: 1}))
    ledger.heard(2, told(**{SENT: {ROUTE: 4}, name: 1}))
    both, one = await ledger.reports({1, 2}), await ledger.reports({2})
    assert ({ROUTE: 7}, {(): 2}) == (values(both, SENT), values(both, name))
    assert ({ROUTE: 7}, {(): 1}) == (values(one, SENT), values(one, name))
    ledger.heard(1, told(**{SENT: {ROUTE: 9}}))
    assert {ROUTE: 13} == values(await ledger.reports({1, 2}), SENT)


async def test_who_is_gone_still_has_what_it_had_counted(ledger):
    """Also where it went between its answer and the last one of all."""
    for number in (1, 2, 4):
        ledger.heard(number, told(**{SENT: {ROUTE: number}}))
    ledger.gone(1)
    ledger.gone(2)
    assert {ROUTE: 7} == values(await ledger.reports({1, 4}), SENT)
    ledger.heard(4, told(**{SENT: {ROUTE: 12}}))
    assert {ROUTE: 15} == values(await ledger.reports({4}), SENT)


async def test_who_says_goodbye_leaves_all_that_it_counted(ledger):
    ledger.heard(1, told(**{SENT: {ROUTE: 3}}))
    ledger.gone(1, told(**{SENT: {ROUTE: 5}}))
    ledger.gone(2, told(**{SENT: {ROUTE: 1}}))
    assert {ROUTE: 6} == values(await ledger.reports(()), SENT)


async def test_who_was_never_asked_leaves_nothing(ledger):
    ledger.gone(1)
    assert {} == values(await ledger.reports(()), SENT)


async def test_whoever_takes_over_goes_on(ledger):
    ledger.heard(1, told(**{SENT: {ROUTE: 3}}))
    ledger.gone(1)
    next_one = Ledger(Supervisor(), Supervisor.clock, ledger.remains)
    next_one.heard(1, told(**{SENT: {ROUTE: 2}}))
    assert {ROUTE: 5} == values(await next_one.reports({1}), SENT)


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_a_worker_that_told_garbage_leaves_nothing(ledger, garbage):
    ledger.heard(1, garbage)
    ledger.heard(2, told(**{SENT: {ROUTE: 3}}))
    ledger.gone(1)
    ledger.gone(2)
    assert {ROUTE: 3} == values(await ledger.reports(()), SENT)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("count"), st.integers(0, 2), st.integers(1, 5)),
        st.tuples(st.just("ask"), st.sets(st.integers(0, 2)), st.just(0)),
        st.tuples(st.just("gone"), st.integers(0, 2), st.just(0)),
    ),
    max_size=30,
)


async def pages(steps):
    """What each page says, and what was really counted by then."""
    ledger = Ledger(Supervisor(), Supervisor.clock)
    slots = [0, 1, 2]
    counts = {0: 0, 1: 0, 2: 0}
    for step, where, count in steps:
        if step == "count":
            counts[slots[where]] += count
        elif step == "gone":
            ledger.gone(slots[where])
            slots[where] = len(counts)
            counts[len(counts)] = 0
        else:
            answered = {slots[slot] for slot in where}
            for worker in answered:
                ledger.heard(worker, told(**{SENT: {ROUTE: counts[worker]}}))
            said = values(await ledger.reports(answered), SENT).get(ROUTE, 0)
            yield said, sum(counts.values())


@given(STEPS)
def test_whoever_answers_or_goes_nothing_goes_back(steps):
    """Between any two pages, while workers count, are asked, say nothing, die and are replaced."""

    async def all_pages():
        return [page async for page in pages(steps)]

    said = asyncio.run(all_pages())
    assert sorted(said) == said
    assert all(page <= counted for page, counted in said)


async def test_what_remains_is_put_together_beside_the_loop(ledger):
    """Who goes meanwhile is not lost, nor counted twice."""
    for number in range(3):
        ledger.gone(number, told(**{SENT: {ROUTE: 1}}))
    asking = asyncio.create_task(ledger.reports(()))
    await asyncio.sleep(0)
    ledger.gone(3, told(**{SENT: {ROUTE: 10}}))
    assert {ROUTE: 13} == values(await asking, SENT) == values(await ledger.reports(()), SENT)
    assert 2 == len(await ledger.reports(()))


async def test_of_many_that_go_while_nobody_asks_one_report_remains(ledger):
    asking = None
    for number in range(100):
        ledger.gone(number, told(**{SENT: {ROUTE: 1}}))
        if number == 30:
            asking = asyncio.create_task(ledger.reports(()))
            await asyncio.sleep(0)
    await asking
    assert len(ledger._gone) <= 33
    assert {ROUTE: 100} == values([ledger.remains], SENT) == values(await ledger.reports(()), SENT)
