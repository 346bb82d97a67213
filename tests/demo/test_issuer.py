from gateway.demo.issuer import issuer
from gateway.identity import Fetcher, RemoteKeys
from gateway.policy.key_source import KeySource


async def test_it_publishes_the_key_that_tokens_are_signed_with():
    fetcher = Fetcher()
    async with issuer() as signing:
        keys = RemoteKeys(KeySource(signing.issuer), fetcher, lambda: 0.0)
        (key,) = await keys.find(signing.public["kid"], "ES256")
        assert signing.public["kid"] == key.kid
        await keys.stop()
    await fetcher.close()
