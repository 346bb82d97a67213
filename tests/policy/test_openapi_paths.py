import pytest

from gateway.policy.openapi_paths import Api, Segment, segments

PATHS = [
    "/charges/{id}",
    "/charges/new",
    "/charges/{id}.json",
    "/{kind}/{id}/items",
    "/charges/{id}/{part}",
    "/",
    "/r%C3%A9sum%C3%A9/ü",
]


@pytest.fixture
def api():
    return lambda *bases: Api(
        bases or [b""], [(segments(path), {b"GET": path, b"PUT": path}) for path in PATHS]
    )


@pytest.mark.parametrize(
    ("path", "template", "captures"),
    [
        pytest.param(b"/charges/new", "/charges/new", {}, id="written out before a variable"),
        pytest.param(b"/charges/7", "/charges/{id}", {"id": b"7"}, id="a variable"),
        pytest.param(b"/charges/7.json", "/charges/{id}.json", {"id": b"7"}, id="a part of a segment first"),
        pytest.param(b"/charges/.json", "/charges/{id}", {"id": b".json"}, id="a variable is never empty"),
        pytest.param(
            b"/charges/7/items", "/charges/{id}/{part}", {"id": b"7", "part": b"items"}, id="leftmost"
        ),
        pytest.param(
            b"/users/7/items", "/{kind}/{id}/items", {"kind": b"users", "id": b"7"}, id="else the other"
        ),
        pytest.param(b"/", "/", {}, id="the root"),
        pytest.param(b"/r%C3%A9sum%C3%A9/%C3%BC", "/r%C3%A9sum%C3%A9/ü", {}, id="in its canonical form"),
    ],
)
def test_a_path_finds_its_operation(api, path, template, captures):
    assert (template, captures) == api().find(b"GET", path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param(b"GET", b"/charges", id="a part of a path"),
        pytest.param(b"GET", b"/charges/", id="a slash at its end"),
        pytest.param(b"GET", b"/charges/7/x/y", id="a longer one"),
        pytest.param(b"GET", b"/Charges/7", id="another case"),
        pytest.param(b"POST", b"/charges/7", id="a method that the path does not have"),
        pytest.param(b"get", b"/charges/7", id="methods have their case"),
        pytest.param(b"OPTIONS", b"*", id="no path at all"),
    ],
)
def test_what_is_not_there_is_not_found(api, method, path):
    assert api().find(method, path) is None


def test_head_is_answered_as_get_is(api):
    assert ("/charges/new", {}) == api().find(b"HEAD", b"/charges/new")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param(b"/v2/charges/7", True, id="behind the base"),
        pytest.param(b"/v2/beta/charges/7", True, id="behind the longer one"),
        pytest.param(b"/charges/7", False, id="without it"),
        pytest.param(b"/v22/charges/7", False, id="behind what only begins so"),
        pytest.param(b"/v2", False, id="the base alone"),
    ],
)
def test_the_base_has_to_be_there(api, path, found):
    assert found is (api(b"/v2", b"/v2/beta").find(b"GET", path) is not None)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param("charges", "expected a path that begins with /", id="no slash"),
        pytest.param(
            "/{a}-{b}", "expected at most one variable in each segment of the path", id="two in one"
        ),
        pytest.param("/{a", "expected at most one variable in each segment of the path", id="half of one"),
        pytest.param("/{}", "expected at most one variable in each segment of the path", id="without a name"),
        pytest.param("/{a}/{a}", "expected each variable of the path once", id="one twice"),
        pytest.param("/a/../b", "expected a path that a request can have", id="dots"),
        pytest.param("/a?b=c", "expected a path that a request can have", id="a query"),
        pytest.param("/a%2", "expected a path that a request can have", id="a broken escape"),
    ],
)
def test_what_is_no_path_is_refused(template, message):
    with pytest.raises(ValueError, match=message):
        segments(template)


def test_a_path_is_read():
    assert (Segment(b"a%20b"), Segment(b"v-", "x", b".json")) == segments("/a b/v-{x}.json")
