import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.bucket import Charge
from gateway.policy.tier import at_once, rate
from gateway.quota.frames import (
    FRAME_AT_MOST,
    WANTS_AT_MOST,
    Charges,
    Questions,
    answer,
    are_rates,
    levels,
    numbers,
    question,
)

SAID = (["1.0 3.001", "2.0 2.001 places"], ["a\n", "ü"], [1, 0, 1, 7, 0, 3])


def test_a_question_is_read_as_it_was_put():
    assert [SAID] == [tuple(each) for each in Questions().feed(question(*SAID))]


def test_questions_are_found_however_they_are_cut():
    """At every byte, and all at once."""
    data = question(*SAID) * 3 + question([], [], [])
    for size in range(1, len(data) + 1):
        questions = Questions()
        seen = [
            each for begin in range(0, len(data), size) for each in questions.feed(data[begin : begin + size])
        ]
        assert ([list(SAID)] * 3 + [[[], [], []]], b"") == ([list(each) for each in seen], questions.rest)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[", id="no JSON"),
        pytest.param(b"\xff" * 12, id="no text"),
        pytest.param(b"[" * 5000, id="deep"),
        pytest.param(b"{}", id="no list"),
        pytest.param(b"[[],[]]", id="two lists"),
        pytest.param(b"[[],[],[],[]]", id="four lists"),
        pytest.param(b'["","",""]', id="texts for lists"),
        pytest.param(b'[["1.0 3.0"],[],[]]', id="a charge for no key"),
        pytest.param(b'[["1.0 3.0"],[1],[]]', id="a number for a key"),
        pytest.param(b'[[1],["a"],[]]', id="a number for a charge"),
        pytest.param(b'[[["1.0 3.0"]],["a"],[]]', id="a list for a charge"),
        pytest.param(b'[["1.0 3.0"],["a"],[1.0]]', id="parts in the shape"),
        pytest.param(b'[["1.0 3.0"],["a"],[null,0]]', id="nothing in the shape"),
        pytest.param(b'[["1.0 3.0"],["%b"],[]]' % (b"a" * 513), id="a key of more than keys have"),
        pytest.param(
            b'[["1.0 3.0","1.0 3.0"],["a","%b"],[]]' % (b"a" * 513), id="one long key beside a short one"
        ),
        pytest.param(b'[["1.0 3.0"],[["a"]],[]]', id="a list for a key"),
        pytest.param(b"[[],[],[%b]]" % b",".join([b"0"] * (4 * WANTS_AT_MOST + 1)), id="a long shape"),
    ],
)
def test_nonsense_is_refused(body):
    with pytest.raises(ValueError):
        list(Questions().feed(len(body).to_bytes(4, "little") + body))


@pytest.mark.parametrize("size", [FRAME_AT_MOST + 1, 0xFFFFFFFF])
def test_a_question_that_says_it_is_too_large_is_not_waited_for(size):
    with pytest.raises(ValueError):
        list(Questions().feed(size.to_bytes(4, "little")))


@pytest.mark.parametrize(
    "key", [pytest.param("\ud800", id="no text"), pytest.param("k" * 513, id="too long")]
)
def test_what_would_be_refused_is_not_put(key):
    with pytest.raises(ValueError):
        question(["1.0 3.0"], [key], [])


def test_no_more_is_put_than_is_read():
    with pytest.raises(ValueError):
        question(["1.0 3.0"] * (WANTS_AT_MOST + 1), ["a"] * (WANTS_AT_MOST + 1), [])


@pytest.mark.parametrize(
    "charge",
    [
        pytest.param(Charge(rate("a", 7, 3.0, 2), 3, str), id="a rate"),
        pytest.param(Charge(rate("a", 0, 3.0), 1, str), id="a rate that lets nobody pass"),
        pytest.param(Charge(rate("a", 1_000_000, 0.1), 1, str), id="a high one"),
        pytest.param(Charge(at_once("a", 4), 2, str), id="places"),
    ],
)
def test_a_charge_is_found_by_its_numbers(charge):
    """The same numbers, whatever its name was."""
    charges = Charges()
    found = charges.find(numbers(charge))
    assert found is charges.find(numbers(charge))
    assert (charge.amount, charge.capacity, charge.tier.capacity, charge.tier.concurrent) == (
        found.amount,
        found.capacity,
        found.tier.capacity,
        found.tier.concurrent,
    )
    assert are_rates(["1.0 3.0", numbers(charge)]) is not charge.tier.concurrent


@pytest.mark.parametrize(
    "text",
    [
        *("", "1.0", "1.0 2.0 3.0", "1.0  2.0", "a b", "nan 1.0", "1.0 nan", "inf 1.0", "1.0 inf"),
        *("0.0 1.0", "-1.0 1.0", "1.0 -1.0", "1e999 1.0", "0.5 2.0 places", "1e300 2.0 places"),
        *("1.0 2.0 places places", " places", "1.0 2.0 places ", f"1.{'0' * 125} 3.0"),
    ],
)
def test_a_charge_of_impossible_numbers_is_refused(text):
    with pytest.raises(ValueError):
        Charges().find(text)


def test_a_flood_of_charges_fills_no_memory():
    charges = Charges()
    for number in range(5000):
        charges.find(f"1.0 {number}.0")
    assert len(charges._known) <= 1024


@given(told=st.lists(st.floats(allow_nan=False)))
def test_levels_are_told_bit_for_bit(told):
    assert list(map(str, told)) == list(map(str, levels(answer(told))))
