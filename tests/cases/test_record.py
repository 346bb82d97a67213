import json

from gateway.cases.record import record

CASES = """\
cases:
  - {name: fine, request: {path: /open}, expect: {upstream: backend}}
  - {name: wrong, request: {path: /boss}, expect: {status: 403}}
"""


def test_members_are_those_of_the_document(results):
    told = record(*results(CASES))
    assert told == json.loads(json.dumps(told))
    fine, wrong = told["cases"]
    assert (1, 1, None) == (told["passed"], told["failed"], fine["failure"])
    assert {"name", "source", "passed", "seconds", "failure"} == fine.keys()
    assert [{"what": "status", "expected": "403", "got": "401"}] == wrong["failure"]["mismatches"]
    assert "auth" == wrong["failure"]["decided_by"]["step"]
    coverage = told["coverage"]
    assert ({"covered": 2, "all": 3}, 25.0) == (coverage["routes"], coverage["percent"])
    assert {"kind": "tier", "name": "few", "source": None} in coverage["missing"]
