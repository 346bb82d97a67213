import pytest

from gateway.rehearsal import CLIENT, Assumed, Draft

HEAD = """\
principals: {a: {subject: x, roles: [boss]}, b: {subject: z, claims: {wallet: 1}, method: m, tier: t}}
cases:
"""


@pytest.fixture
def made(prepared):
    return lambda *lines: prepared(HEAD + "".join(f"  {line}\n" for line in lines))[1]


def test_a_request_is_what_the_case_says(made):
    (case,) = made(
        "- name: it",
        "  as: b",
        "  request: {method: PUT, path: /a, host: h, headers: {X: ['1', '2']}, body: hi, client: 10.0.0.1}",
        "  expect: {status: 404}",
    )
    (scene,) = case.scenes
    assert Draft("PUT", "/a", "h", (("X", "1"), ("X", "2")), b"hi", "10.0.0.1") == scene.draft
    assert Assumed("z", claims={"wallet": 1}, method="m", tier="t") == scene.assumed
    assert ("it", True) == (case.name, case.source.endswith("cases.yaml:3"))


@pytest.mark.parametrize(
    ("said", "fields", "body"),
    [
        pytest.param(
            "json: {a: [1, null-]}",
            (("Content-Type", "application/json"),),
            b'{"a": [1, "null-"]}',
            id="JSON",
        ),
        pytest.param(
            "json: {a: é}, headers: {content-type: text/json}",
            (("content-type", "text/json"),),
            '{"a": "é"}'.encode(),
            id="JSON of another type",
        ),
        pytest.param("body: é", (), "é".encode(), id="a text"),
    ],
)
def test_a_body_is_sent_as_it_stands(made, said, fields, body):
    (case,) = made(f"- {{name: a, request: {{path: /a, {said}}}, expect: {{status: 404}}}}")
    assert (fields, body) == (case.scenes[0].draft.fields, case.scenes[0].draft.body)


def test_several_who_ask_are_several_cases(made):
    found = made("- {name: it, as: [a, b], request: {path: /a}, expect: {status: 404}}")
    assert [("it [a]", "x"), ("it [b]", "z")] == [
        (each.name, each.scenes[0].assumed.subject) for each in found
    ]


def test_a_list_of_one_is_one(made):
    (case,) = made("- {name: it, as: [a], request: {path: /a}, expect: {status: 404}}")
    assert ("it", "x") == (case.name, case.scenes[0].assumed.subject)


def test_steps_ask_as_the_case_does_unless_they_say_otherwise(made):
    (case,) = made(
        "- name: it",
        "  as: a",
        "  steps:",
        "    - {request: {path: /a}, expect: {status: 404}}",
        "    - {as: b, request: {path: /a}, expect: {status: 404}}",
        "    - {advance: 2s}",
        "    - {token: x.y.z, request: {path: /a}, expect: {status: 404}}",
        "    - {as: [a, b], request: {path: /a}, expect: {status: 404}, times: 2, stays: true, advance: 1s}",
    )
    who = [scene.assumed.subject if scene.assumed else None for scene in case.scenes]
    assert ["x", "z", None, None, "x", "z"] == who
    assert [0.0, 0.0, 2.0, 0.0, 1.0, 1.0] == [scene.advance for scene in case.scenes]
    assert (("Authorization", "Bearer x.y.z"),) == case.scenes[3].draft.fields
    assert [6, 7, 8, 9, 10, 10] == [int(scene.source.rpartition(":")[2]) for scene in case.scenes]
    assert (2, True) == (case.scenes[4].times, case.scenes[4].stays)


def test_a_token_of_the_case_holds_for_steps_that_say_nothing(made):
    (case,) = made(
        "- {name: a, token: x.y.z, steps: [{request: {path: /a}, expect: {status: 404}}, "
        "{as: a, request: {path: /a}, expect: {status: 404}}]}"
    )
    first, second = case.scenes
    assert (None, (("Authorization", "Bearer x.y.z"),)) == (first.assumed, first.draft.fields)
    assert ("x", ()) == (second.assumed.subject, second.draft.fields)


def test_who_is_not_said_is_a_stranger(made):
    (case,) = made("- {name: a, request: {path: /a}, expect: {status: 404}}")
    assert (None, CLIENT) == (case.scenes[0].assumed, case.scenes[0].draft.client)
