"""Questions to the admin listener of a gateway in this process."""

import pytest

TOKEN = "test-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
CHANGING = {**BEARER, "X-Gateway-Admin": "1"}


@pytest.fixture
def tell(session):
    """Ask with the token, or with the given fields; gives status, fields and what the JSON says."""

    async def tell(gateway, path, method="GET", fields=None, **more):
        url = f"http://{gateway.admin.address}{path}"
        usual = CHANGING if method == "POST" else BEARER
        async with session.request(
            method, url, headers=usual if fields is None else fields, **more
        ) as response:
            is_json = response.content_type == "application/json" and method != "HEAD"
            return response.status, response.headers, await response.json() if is_json else None

    return tell


@pytest.fixture
def guarded(serve):
    """A gateway whose admin listener has a token; the arguments are those of `serve`."""
    address = f'address: "127.0.0.1:0", token: {TOKEN}, cors: {{allow_origins: ["https://console.example"]}}'
    return lambda **words: serve(**{"admin": address, **words})
