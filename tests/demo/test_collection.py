"""Collections: numbered, owned, bounded."""

import pytest
from aiohttp import web

from gateway.demo.collection import Collection


@pytest.fixture
def exams():
    return Collection("exam", {"title": "Fractions"}, {"id": "final", "title": "Circuits"})


@pytest.fixture
def submissions(exams):
    return Collection("submission", {"exam": "exam-1", "user": "user-1"}, owner=exams)


@pytest.fixture
async def client(aiohttp_client, exams, submissions):
    app = web.Application()
    app.add_routes(exams.routes() + submissions.routes())
    return await aiohttp_client(app)


@pytest.mark.parametrize(
    ("path", "status", "answer"),
    [
        pytest.param(
            "/exams",
            200,
            {
                "items": [{"id": "exam-1", "title": "Fractions"}, {"id": "final", "title": "Circuits"}],
                "total": 2,
            },
            id="lists what it began with, numbered unless it has an id",
        ),
        pytest.param("/exams/final", 200, {"id": "final", "title": "Circuits"}, id="reads one"),
        pytest.param(
            "/exams/exam-1/submissions",
            200,
            {"items": [{"id": "submission-1", "exam": "exam-1", "user": "user-1"}], "total": 1},
            id="lists what belongs to an owner",
        ),
        pytest.param(
            "/exams/final/submissions", 200, {"items": [], "total": 0}, id="lists nothing of another owner"
        ),
    ],
)
async def test_answers(client, path, status, answer):
    response = await client.get(path)
    assert (status, answer) == (response.status, await response.json())


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("GET", "/exams/exam-9", None, 404, id="an item that is not there"),
        pytest.param("DELETE", "/exams/exam-9", None, 404, id="deleting an item that is not there"),
        pytest.param(
            "GET", "/exams/exam-9/submissions", None, 404, id="the list of an owner that is not there"
        ),
        pytest.param(
            "POST", "/exams/exam-9/submissions", b"{}", 404, id="an item for an owner that is not there"
        ),
        pytest.param("POST", "/exams", b"{", 400, id="a body that is no JSON"),
        pytest.param("POST", "/exams", b"\xff", 400, id="a body that is no text"),
        pytest.param("POST", "/exams", b"[]", 400, id="JSON that is no object"),
    ],
)
async def test_refuses(client, method, path, body, status):
    response = await client.request(method, path, data=body)
    assert status == response.status


async def test_creates_what_its_location_reads(client):
    """A client chooses neither the id nor the owner of what it creates."""
    sent = {"user": "user-2", "id": "mine", "exam": "exam-1"}
    created = await client.post("/exams/final/submissions", json=sent)
    assert (201, "/submissions/submission-2") == (created.status, created.headers["Location"])
    read = await client.get(created.headers["Location"])
    assert {"id": "submission-2", "user": "user-2", "exam": "final"} == await read.json()


async def test_deletes_once(client):
    """What is deleted is not there any more."""
    statuses = [(await client.delete("/exams/final")).status for _ in range(2)]
    assert [204, 404] == statuses


def test_finds_text_in_values_only(exams):
    """The names of members are not searched, case does not matter."""
    assert (["final"], []) == ([item["id"] for item in exams.containing("cIRC")], exams.containing("title"))


def test_oldest_item_makes_room():
    """A thousand items are kept."""
    collection = Collection("job", *({"budget": amount} for amount in range(1001)))
    assert {"id": "job-1001", "budget": 1000} == collection.find("job-1001")
    assert {"id": "job-2", "budget": 1} == collection.find("job-2")
    with pytest.raises(web.HTTPNotFound):
        collection.find("job-1")
