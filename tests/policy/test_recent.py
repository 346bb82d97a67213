from gateway.policy.recent import Recent


def test_what_is_not_asked_for_is_forgotten():
    recent = Recent(2)
    for number in range(5):
        recent.put(number, str(number))
    assert [None, None, "2", "3", "4"] == [recent._young.get(n) or recent._old.get(n) for n in range(5)]


def test_what_is_asked_for_stays():
    recent = Recent(2)
    for number in range(100):
        recent.put(number, "x")
        recent.put("asked", "y") if number == 0 else None
        assert "y" == recent.get("asked")
    assert recent.get(3) is None


def test_it_never_holds_more_than_twice_its_size():
    recent = Recent(10)
    sizes = set()
    for number in range(1000):
        recent.put(number % 37, "x")
        recent.get(number % 11)
        sizes.add(len(recent))
    assert max(sizes) <= 20
