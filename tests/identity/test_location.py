import pytest
from aiohttp import web

from gateway.identity.fetch import Fetcher, FetchError
from gateway.identity.location import Location
from gateway.policy.key_source import KeySource

METADATA = "/.well-known/openid-configuration"


class Time:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
async def location(time):
    fetcher = Fetcher(0.5)
    yield lambda issuer, jwks="": Location(KeySource(issuer, jwks), fetcher, time)
    await fetcher.close()


async def test_what_is_configured_is_not_asked_for(location, issuer):
    assert "https://a.example/keys" == await location(issuer.url, "https://a.example/keys").url()
    assert [] == issuer.asked


async def test_metadata_is_asked_again_when_it_is_old(location, issuer, time):
    issuer.fields = {"Cache-Control": "max-age=300"}
    here = location(issuer.url)
    assert f"{issuer.url}/keys" == await here.url()
    time.now = 299.9
    await here.url()
    assert [METADATA] == issuer.asked
    time.now = 300
    issuer.metadata = {"jwks_uri": f"{issuer.url}/others"}
    assert f"{issuer.url}/others" == await here.url()


async def test_and_when_it_is_forgotten(location, issuer):
    here = location(issuer.url)
    await here.url()
    here.forget()
    await here.url()
    assert [METADATA] * 2 == issuer.asked


async def test_it_may_stand_where_rfc_8414_puts_it(location, backend):
    asked = []

    async def answer(request):
        asked.append(request.path)
        if request.path == "/.well-known/oauth-authorization-server/tenant":
            return web.json_response({"issuer": f"{url}/tenant", "jwks_uri": f"{url}/tenant/keys"})
        return web.Response(status=404)

    url = await backend(answer)
    assert f"{url}/tenant/keys" == await location(f"{url}/tenant").url()
    assert "/tenant/.well-known/openid-configuration" == asked[0]


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"issuer": "https://evil.example"}, id="another issuer"),
        pytest.param({"jwks_uri": "https://evil.example/keys"}, id="keys elsewhere"),
        pytest.param({"jwks_uri": "http://127.0.0.1:1/keys"}, id="another port"),
        pytest.param({"jwks_uri": None}, id="no keys"),
    ],
)
async def test_metadata_that_leads_elsewhere_is_not_believed(location, issuer, metadata):
    issuer.metadata = metadata
    with pytest.raises(FetchError) as error:
        await location(issuer.url).url()
    assert "evil" not in str(error.value)


async def test_another_failure_is_no_absence(location, backend):
    asked = []

    async def answer(request):
        asked.append(request.path)
        return web.Response(status=500)

    with pytest.raises(FetchError, match=r"^status 500"):
        await location(await backend(answer)).url()
    assert [METADATA] == asked
