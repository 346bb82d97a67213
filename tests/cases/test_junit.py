from xml.etree.ElementTree import fromstring

from gateway.cases.junit import junit

CASES = """\
cases:
  - {name: fine, request: {path: /open}, expect: {upstream: backend}}
  - {name: "wrong <&>", request: {path: "/\\u0007"}, expect: {upstream: backend}}
"""


def test_a_case_has_its_place_and_a_failure_its_reason(results):
    found, _ = results(CASES)
    root = fromstring(junit(found))
    assert ("testsuites", "2", "1", "0") == (root.tag, *map(root.get, ("tests", "failures", "errors")))
    (suite,) = root
    assert [True, "2", "1"] == [
        suite.get("name").endswith("cases.yaml"),
        suite.get("tests"),
        suite.get("failures"),
    ]
    fine, wrong = suite
    assert ("fine", "2", 0) == (fine.get("name"), fine.get("line"), len(fine))
    assert fine.get("file") == fine.get("classname")
    (failure,) = wrong
    assert ("wrong <&>", "3") == (wrong.get("name"), wrong.get("line"))
    assert "upstream: expected backend, got 400 malformed_request" == failure.get("message")
    assert "wire decided" in failure.text


def test_seconds_add_up(results):
    found, _ = results(CASES)
    root = fromstring(junit(found))
    assert 0.0 <= float(root.get("time")) < 5.0
