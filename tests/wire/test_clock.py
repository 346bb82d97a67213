"""Time stands still between ticks, and a deadline is noticed once it has passed."""

from gateway.wire.clock import NEVER, Alarm, Clock


class Watched:
    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.times = 0

    def expired(self) -> None:
        self.times += 1
        self.deadline = NEVER


class Times:
    """The system's two clocks, moved by hand."""

    def __init__(self) -> None:
        self.monotonic = 100.0
        self.wall = 1_700_000_000.0

    def clock(self) -> Clock:
        return Clock(lambda: self.monotonic, lambda: self.wall)


def test_it_shows_the_time_of_the_last_tick():
    times = Times()
    clock = times.clock()
    times.monotonic = 101.0
    assert 100.0 == clock.now
    clock.tick()
    assert 101.0 == clock.now


def test_the_date_follows_the_wall_clock_by_whole_seconds():
    times = Times()
    clock = times.clock()
    assert b"Tue, 14 Nov 2023 22:13:20 GMT" == clock.date
    same = clock.date
    times.wall += 0.9
    clock.tick()
    assert clock.date is same
    times.wall += 0.1
    clock.tick()
    assert b"Tue, 14 Nov 2023 22:13:21 GMT" == clock.date


def test_a_deadline_is_noticed_when_it_has_passed():
    times = Times()
    clock = times.clock()
    early, exact, late, never = watched = [Watched(100.5), Watched(101.0), Watched(101.5), Watched(NEVER)]
    clock.watched.update(watched)
    times.monotonic = 101.0
    clock.tick()
    assert [1, 1, 0, 0] == [one.times for one in (early, exact, late, never)]
    clock.tick()
    assert [1, 1, 0, 0] == [one.times for one in (early, exact, late, never)]


def test_who_expires_may_stop_being_watched():
    times = Times()
    clock = times.clock()
    first, second = Watched(0.0), Watched(0.0)
    clock.watched.update([first, second])
    first.expired = second.expired = clock.watched.clear
    clock.tick()
    assert set() == clock.watched


def test_an_alarm_is_told_until_it_is_off():
    times = Times()
    clock = times.clock()
    told = []
    alarm = Alarm(clock, 101.0, lambda: told.append(clock.now))
    clock.tick()
    times.monotonic = 101.0
    clock.tick()
    alarm.off()
    clock.tick()
    assert [101.0] == told
    assert set() == clock.watched
