import pytest

from gateway.policy.standing import Legacy, Silent, Standard
from gateway.policy.tier import at_once, rate

PUBLIC = rate("public", 60, 60.0, 20)
DAILY = rate("daily", 1000, 86400.0)
UPLOADS = at_once("uploads", 4)
OPEN = rate("open", 1_000_000, 1.0)


@pytest.mark.parametrize(
    ("standings", "policies", "limits"),
    [
        pytest.param([(PUBLIC, 1.0, 0.0)], b'"public";q=60;w=60', b'"public";r=19;t=1', id="one was taken"),
        pytest.param([(PUBLIC, 0.0, 0.0)], b'"public";q=60;w=60', b'"public";r=20', id="a full bucket"),
        pytest.param([(PUBLIC, 20.0, 0.98)], b'"public";q=60;w=60', b'"public";r=0;t=1', id="refused"),
        pytest.param(
            [(DAILY, 86400.0, 85.2)], b'"daily";q=1000;w=86400', b'"daily";r=0;t=86', id="rounded up"
        ),
        pytest.param(
            [(UPLOADS, 1.0, 0.0)],
            b'"uploads";q=4;qu="concurrent-requests"',
            b'"uploads";r=3',
            id="at once, no time",
        ),
        pytest.param(
            [(DAILY, 86.4, 0.0), (PUBLIC, 18.0, 0.0)],
            b'"public";q=60;w=60, "daily";q=1000;w=86400',
            b'"public";r=2;t=1, "daily";r=999;t=87',
            id="the least left first",
        ),
        pytest.param(
            [(PUBLIC, 19.0, 0.0), (DAILY, 86400.0, 500.0), (UPLOADS, 0.0, 0.0)],
            b'"daily";q=1000;w=86400, "public";q=60;w=60, "uploads";q=4;qu="concurrent-requests"',
            b'"daily";r=0;t=500, "public";r=1;t=1, "uploads";r=4',
            id="who refused before who has little left",
        ),
        pytest.param(
            [(PUBLIC, 18.0, 3.0), (DAILY, 86400.0, 500.0)],
            b'"daily";q=1000;w=86400, "public";q=60;w=60',
            b'"daily";r=0;t=500, "public";r=2;t=3',
            id="the longest wait first",
        ),
    ],
)
def test_the_standard_fields(standings, policies, limits):
    tell = Standard()
    told = ((b"RateLimit-Policy", policies), (b"RateLimit", limits))
    assert [told, told] == [tell(tuple(standings)) for _ in range(2)]


@pytest.mark.parametrize("tier", [pytest.param(tier, id=tier.name) for tier in (PUBLIC, DAILY, OPEN)])
def test_one_tier_is_told_the_same_in_fewer_steps(tier):
    tell = Standard()
    one = tell.one(tier)
    levels = [tier.capacity * step / 700 for step in range(701)]
    assert [tell(((tier, level, 0.0),)) for level in levels] == [one(level) for level in levels]


def test_what_is_remembered_is_bounded():
    tell = Standard()
    for step in range(20_000):
        tell(((DAILY, DAILY.capacity * step / 20_000, 0.0),))
    assert 0 < len(tell._learned) <= 4096


@pytest.mark.parametrize(
    ("standings", "limit", "remaining", "reset"),
    [
        pytest.param([(PUBLIC, 1.0, 0.0)], b"60", b"19", b"1701", id="when the bucket is full"),
        pytest.param([(PUBLIC, 19.5, 0.5)], b"60", b"0", b"1720", id="refused"),
        pytest.param([(UPLOADS, 1.0, 0.0)], b"4", b"3", b"1700", id="at once"),
        pytest.param(
            [(DAILY, 86.4, 0.0), (PUBLIC, 18.0, 0.0)], b"60", b"2", b"1718", id="the most constrained alone"
        ),
    ],
)
def test_the_legacy_fields(standings, limit, remaining, reset):
    told = Legacy(lambda: 1700.0)(tuple(standings))
    names = (b"X-RateLimit-Limit", b"X-RateLimit-Remaining", b"X-RateLimit-Reset")
    assert tuple(zip(names, (limit, remaining, reset), strict=True)) == told


def test_the_legacy_fields_of_one_tier():
    tell = Legacy(lambda: 1700.0)
    assert tell(((PUBLIC, 1.0, 0.0),)) == tell.one(PUBLIC)(1.0)


def test_nothing_is_told_on_demand():
    assert ((), ()) == (Silent()(((PUBLIC, 1.0, 0.0),)), Silent().one(PUBLIC)(1.0))
