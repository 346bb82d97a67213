import re

import pytest

from gateway.config.manual import manual


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            "| `head` | size | `32KiB` | The whole head; above it 431. |", id="a size and its default"
        ),
        pytest.param(
            "| `version` | `1` | needed | The version of this format. |", id="a key that has to be there"
        ),
        pytest.param(
            "| `slashes` | `refuse`, `merge` | `refuse` | Empty segments, as in `//`. |", id="a closed list"
        ),
        pytest.param(
            "| `pool` | [mapping](#upstreamsnamepool) | `{}` | Connections to one endpoint. |",
            id="a mapping, told below",
        ),
        pytest.param(
            "| `target` | percent | needed | The share of requests whose answer must not take longer. |",
            id="a kind of another name",
        ),
        pytest.param("| `jwks_origins` | list of origin | `[]` |", id="a list"),
    ],
)
def test_a_key_has_its_row(row):
    assert row in manual()


def test_every_link_leads_to_a_heading():
    text = manual()
    headings = {
        re.sub("[^a-z0-9_-]", "", path.lower()) for path in re.findall(r"^### `(.+)`$", text, re.MULTILINE)
    }
    links = set(re.findall(r"\(#([^)]+)\)", text))
    assert links
    assert set() == links - headings


def test_a_shape_is_told_once():
    told = re.findall(r"^What is done to the fields of every response\.$", manual(), re.MULTILINE)
    assert 1 == len(told)
