import pytest

from gateway.identity.freshness import LONGEST, SHORTEST, USUAL, lifetime

DATE = "Tue, 06 Jan 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, USUAL, id="nothing said"),
        pytest.param({"Cache-Control": "max-age=300"}, 300.0, id="so many seconds"),
        pytest.param({"Cache-Control": "public, MAX-AGE=300, must-revalidate"}, 300.0, id="among others"),
        pytest.param({"Cache-Control": 'max-age="300"'}, 300.0, id="quoted"),
        pytest.param({"Cache-Control": "max-age=300", "Age": "100"}, 200.0, id="part of it is over"),
        pytest.param({"Cache-Control": "s-maxage=300"}, USUAL, id="not for shared caches only"),
        pytest.param({"Cache-Control": "max-age=15"}, SHORTEST, id="too short"),
        pytest.param({"Cache-Control": "max-age=0"}, SHORTEST, id="none"),
        pytest.param({"Cache-Control": "max-age=300, no-store"}, SHORTEST, id="not to be kept"),
        pytest.param({"Cache-Control": "no-cache"}, SHORTEST, id="not without asking"),
        pytest.param({"Cache-Control": "max-age=3283200"}, LONGEST, id="38 days"),
        pytest.param({"Cache-Control": "max-age=-1"}, USUAL, id="nonsense"),
        pytest.param({"Cache-Control": "max-age=300", "Age": "x"}, 300.0, id="an age that is nonsense"),
        pytest.param({"Expires": "Tue, 06 Jan 2026 10:05:00 GMT", "Date": DATE}, 300.0, id="until then"),
        pytest.param({"Expires": "Tue, 06 Jan 2026 09:00:00 GMT", "Date": DATE}, SHORTEST, id="over already"),
        pytest.param({"Expires": "0", "Date": DATE}, SHORTEST, id="no date"),
        pytest.param({"Expires": "Tue, 06 Jan 2026 10:05:00 GMT"}, USUAL, id="since when nobody says"),
        pytest.param({"Expires": "Tue, 06 Jan 2026 10:05:00 -0000", "Date": DATE}, SHORTEST, id="no zone"),
        pytest.param(
            {"Cache-Control": "max-age=300", "Expires": "0", "Date": DATE}, 300.0, id="max-age is stronger"
        ),
    ],
)
def test_a_document_has_a_lifetime(fields, expected):
    assert expected == lifetime({name.lower(): value for name, value in fields.items()})
