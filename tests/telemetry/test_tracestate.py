"""`tracestate` as W3C Trace Context level 2 has it: passed on as it is meant, or not at all."""

import pytest

from gateway.telemetry.tracestate import passed_on

KEY = b"a" * 256
LONG = b"=" + b"v" * 130
MANY = [b"k%d=1" % number for number in range(33)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"a=1", b"a=1", id="one member"),
        pytest.param(b"b=2,a=1", b"b=2,a=1", id="the order is kept"),
        pytest.param(b"a=1 ,\t b=2\t", b"a=1,b=2", id="blanks and tabs around members are none of theirs"),
        pytest.param(b"a=1,,b=2,", b"a=1,b=2", id="empty members are passed over"),
        pytest.param(b"", b"", id="nothing at all"),
        pytest.param(b",".join(MANY[:32]), b",".join(MANY[:32]), id="32 members"),
        pytest.param(b",".join(MANY), b"", id="33 members"),
        pytest.param(b",".join(MANY[:32]) + b",,", b",".join(MANY[:32]), id="empty ones do not count"),
        pytest.param(b"a=1,b=2,a=3", b"", id="a key twice"),
        pytest.param(b"a=1,a=1", b"", id="a member twice"),
        pytest.param(b"0a_-*/@=1", b"0a_-*/@=1", id="every character of a key, which may begin with a digit"),
        pytest.param(b"tenant@system=1", b"tenant@system=1", id="a tenant of a system"),
        pytest.param(b"a@b@c=1", b"a@b@c=1", id="level 2 gives the at sign no meaning"),
        pytest.param(KEY + b"=1", KEY + b"=1", id="a key of 256 characters"),
        pytest.param(KEY + b"a=1", b"", id="a key of 257 characters"),
        pytest.param(b"A=1", b"", id="an upper-case key"),
        pytest.param(b"_a=1", b"", id="a key that begins with another character"),
        pytest.param(b"a.b=1", b"", id="a dot in a key"),
        pytest.param(b"=1", b"", id="no key"),
        pytest.param(b"a", b"", id="no value"),
        pytest.param(b"a=", b"", id="an empty value"),
        pytest.param(b"a =1", b"", id="a blank behind the key"),
        pytest.param(b"a= 1", b"a= 1", id="a blank before the value is a part of it"),
        pytest.param(b"a=!~ +-<>", b"a=!~ +-<>", id="every border of the characters of a value"),
        pytest.param(b"a=" + b"v" * 256, b"a=" + b"v" * 256, id="a value of 256 characters"),
        pytest.param(b"a=" + b"v" * 257, b"", id="a value of 257 characters"),
        pytest.param(b"a=1=2", b"", id="an equals sign in a value"),
        pytest.param(b"a=1\t2", b"", id="a tab in a value"),
        pytest.param(b"a=\x7f", b"", id="a control character"),
        pytest.param(b"a=\xc3\xa9", b"", id="not ASCII"),
        pytest.param(b"a=1,B=2", b"", id="one bad member spoils all"),
    ],
)
def test_a_tracestate_is_passed_on_whole_or_not_at_all(value, expected):
    assert expected == passed_on(value)


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        pytest.param([b"a=" + b"1" * 254, b"b=" + b"2" * 253], [0, 1], id="512 characters stay"),
        pytest.param([b"a=" + b"1" * 254, b"b=" + b"2" * 254], [0], id="of 513 the last long one goes"),
        pytest.param(
            [b"a" + LONG, b"b=1", b"c" + LONG, b"d" + LONG, b"e" + LONG],
            [0, 1, 2, 3],
            id="no more long ones go than have to",
        ),
        pytest.param(
            [b"a" + LONG, *[b"%c=" % (98 + each) + b"v" * 98 for each in range(5)]],
            [1, 2, 3, 4, 5],
            id="a long one goes first, wherever it stands",
        ),
        pytest.param(
            [b"%c=" % (97 + each) + b"v" * 126 for each in range(5)],
            [0, 1, 2],
            id="128 characters are not long: the last ones go",
        ),
    ],
)
def test_what_is_too_much_goes_by_whole_members(members, kept):
    assert b",".join(members[index] for index in kept) == passed_on(b",".join(members))
