import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.edits import Block, Edits

SET = [(b"X-Frame-Options", b"DENY"), (b"X-Content-Type-Options", b"nosniff")]
DEFAULT = [(b"Cache-Control", b"no-store"), (b"Referrer-Policy", b"no-referrer")]
REMOVE = [b"Server", b"X-Kong-*"]

names = st.sampled_from(
    b"X-Frame-Options x-frame-options X-FRAME-options Cache-Control CACHE-control Referrer-policy Server "
    b"SERVER server X-Kong-Id x-kong- X-Kon Set-Cookie Content-Type X-Server Serve".split()
)
responses = st.lists(st.tuples(names, st.sampled_from([b"", b"a", b"b"])), max_size=10)


def lower(fields):
    return [name.lower() for name, _ in fields]


@pytest.fixture
def edits():
    return Edits(SET, DEFAULT, REMOVE)


@given(fields=responses)
def test_each_field_keeps_its_mode_whatever_the_backend_sent(fields):
    kept, block = Edits(SET, DEFAULT, REMOVE).apply(fields)
    gone = {b"x-frame-options", b"x-content-type-options", b"server"}
    passing = [f for f in fields if f[0].lower() not in gone and not f[0].lower().startswith(b"x-kong-")]
    absent = [field for field in DEFAULT if field[0].lower() not in lower(fields)]
    assert passing == kept
    assert (*SET, *absent) == block.fields


@given(fields=responses)
def test_a_second_pass_changes_nothing(fields):
    edits = Edits(SET, DEFAULT, REMOVE)
    kept, block = edits.apply(fields)
    again, second = edits.apply([*kept, *block.fields])
    assert sorted([*kept, *block.fields]) == sorted([*again, *second.fields])


@pytest.mark.parametrize("name", [b"Cache-Control", b"cache-control", b"CACHE-CONTROL", b"cAcHe-CoNtRoL"])
def test_a_default_yields_to_any_spelling(edits, name):
    kept, block = edits.apply([(name, b"public")])
    assert [(name, b"public")] == kept
    assert b"cache-control" not in lower(block.fields)


def test_a_default_yields_to_several_lines():
    lines = [(b"Link", b"</a>"), (b"Link", b"</b>")]
    kept, block = Edits([], [(b"Link", b"</c>")], []).apply(lines)
    assert (lines, ()) == (kept, block.fields)


def test_a_default_that_is_named_is_not_removed_by_prefix():
    edits = Edits([], [(b"X-Acme-Mode", b"safe")], [b"X-Acme-*"])
    fast = (b"x-acme-mode", b"fast")
    kept, block = edits.apply([fast, (b"x-acme-id", b"7")])
    assert ([fast], ()) == (kept, block.fields)


def test_an_answer_with_the_same_fields_gets_the_same_block(edits):
    assert edits.apply([])[1] is edits.apply([(b"Content-Type", b"text/plain")])[1]


def test_no_edits_leave_everything():
    fields = [(b"Server", b"x"), (b"set-cookie", b"a"), (b"Set-Cookie", b"b")]
    kept, block = Edits([], [], []).apply(fields)
    assert (fields, b"") == (kept, block.lines)


def test_the_list_of_the_backend_is_left_alone(edits):
    before = [(b"Server", b"x"), (b"Vary", b"y")]
    fields = before.copy()
    edits.apply(fields)
    assert before == fields


def test_a_304_gets_no_default_that_the_stored_response_may_have_set_itself():
    edits = Edits([(b"X-Frame-Options", b"DENY")], [(b"Content-Security-Policy", b"default-src 'none'")], [])
    _, block = edits.apply([], 304)
    assert ((b"X-Frame-Options", b"DENY"),) == block.fields


def test_a_block_is_also_the_lines_of_a_head():
    lines = b"A: 1\r\nB: 2\r\n"
    assert lines == Block(((b"A", b"1"), (b"B", b"2"))).lines


def test_a_backend_that_invents_names_fills_no_memory(edits):
    for number in range(10_000):
        edits.apply([(b"X-%d" % number, b""), (b"X-%d-%b" % (number, b"a" * 64), b"")])
    edits.apply([(b"Set-Cookie", b"")])
    learned = edits.table
    assert b"Set-Cookie" in learned
    assert max(map(len, learned)) <= 64
    assert len(learned) <= 4096


@pytest.mark.parametrize("status", [200, 304, 404])
def test_what_is_added_stands_beside_what_the_backend_sent(edits, status):
    """Also on a 304, whose fields renew those of the stored response."""
    more = edits.and_also([(b"Vary", b"Origin")], [b"Access-*"])
    sent = [(b"Vary", b"Accept"), (b"Access-Control-Max-Age", b"1"), (b"Server", b"x")]
    kept, block = more.apply(sent, status)
    assert ([(b"Vary", b"Accept")], (*SET, (b"Vary", b"Origin"))) == (kept, block.fields[:3])
    assert () == edits.add


def test_a_backend_that_varies_its_fields_fills_no_memory():
    default = [(b"X-%d" % number, b"") for number in range(10)]
    edits = Edits([], default, [])
    for choice in range(1 << 10):
        sent = [field for bit, field in enumerate(default) if choice & 1 << bit]
        kept, block = edits.apply(sent)
        assert sorted(default) == sorted([*kept, *block.fields])
    assert len(edits._blocks) <= 256


@pytest.mark.parametrize("status", [200, 204, 304, 404])
def test_what_every_response_depends_on_joins_the_backends_own(status):
    first, second = [(b"Vary", b"Origin")], [(b"Vary", b"Accept-Encoding")]
    edits = Edits(SET, [], [b"X-Kong-*"]).and_also(first).and_also(second)
    kept, block = edits.apply([(b"Vary", b"Cookie"), (b"X-Kong-Id", b"1")], status)
    assert [(b"Vary", b"Cookie")] == kept
    assert (*SET, (b"Vary", b"Origin, Accept-Encoding")) == block.fields


def test_edits_that_depend_on_nothing_have_no_vary():
    assert b"vary" not in lower(Edits(SET, DEFAULT, REMOVE).apply([])[1].fields)


def test_a_field_that_is_noted_passes_or_not_as_before():
    """Set, default, removed, removed by prefix, and none of these."""
    names = [b"x-frame-options", b"cache-control", b"server", b"x-kong-id", b"etag"]
    before = Edits(SET, DEFAULT, REMOVE)
    after = before.and_also([], noted=names)
    for name in names:
        old, new = before.table[name], after.table[name]
        assert (old is None or old.forwarded, old.bit if old else 0) == (new.forwarded, new.bit)
        assert new.noted
    assert after.table[b"location"] == before.table[b"location"]
