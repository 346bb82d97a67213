import pytest

from gateway.config.scalar import core, is_ambiguous


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("~", None, id="a tilde"),
        pytest.param("null", None, id="null"),
        pytest.param("true", True, id="true"),
        pytest.param("FALSE", False, id="false in capitals"),
        pytest.param("tRUE", "tRUE", id="not quite true"),
        pytest.param("0", 0, id="zero"),
        pytest.param("-12", -12, id="a negative number"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("1.5", 1.5, id="a fraction"),
        pytest.param("1e3", 1000.0, id="an exponent"),
        pytest.param(".inf", ".inf", id="infinity is a text"),
        pytest.param("9" * 30, 1e30, id="more digits than an integer needs"),
        pytest.param("10s", "10s", id="a duration is a text"),
        pytest.param("127.0.0.1:8080", "127.0.0.1:8080", id="an address is a text"),
    ],
)
def test_a_bare_scalar_reads_as_in_the_core_schema(text, value):
    assert (value, type(value)) == (core(text), type(core(text)))


@pytest.mark.parametrize(
    "text",
    [
        *("y", "N", "yes", "No", "ON", "off", "010", "0o17", "+07", "0b1", "1:30", "12:30:45.5", "1_000"),
        *("2024-01-01", "2024-1-1 10:00:00", "2024-01-01T10:00:00Z", "<<", "="),
    ],
)
def test_what_the_versions_read_differently_is_ambiguous(text):
    assert is_ambiguous(text)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "10",
        "1.5",
        "0.5",
        "0x1F",
        "true",
        "null",
        "none",
        "once",
        "1m",
        "60/1m",
        "127.0.0.1:8080",
        "a:30",
    ],
)
def test_what_the_versions_read_alike_is_not(text):
    assert not is_ambiguous(text)
