"""Starts the ten services on loopback, or one of them anywhere, and stops them again.

A service refuses with `{"error": text}`, so that its own 404 is told from one of the gateway's.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from logging import Logger

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.config.snapshot import Address
from gateway.demo import azora

SERVICES: Mapping[str, Callable[[web.Application], None]] = {
    "api-gateway": azora.api_gateway,
    "auth-service": azora.auth_service,
    "azora-education": azora.azora_education,
    "azora-forge": azora.azora_forge,
    "azora-sapiens": azora.azora_sapiens,
    "ai-family-service": azora.ai_family_service,
    "azora-mint": azora.azora_mint,
    "azora-assessment": azora.azora_assessment,
    "azora-pay": azora.azora_pay,
    "health-monitor": azora.health_monitor,
}

# Where config/gateway.yaml looks for them unless the environment says otherwise.
PORTS: Mapping[str, int] = {name: port for port, name in enumerate(SERVICES, start=4001)}

_HOST = "127.0.0.1"
_SECONDS_TO_FINISH = 1.0


def application(name: str) -> web.Application:
    """The service of that name with its data as at the start; raises KeyError for an unknown name."""

    async def health(request: web.Request) -> web.Response:
        return web.json_response({"service": name, "status": "up"})

    app = web.Application(middlewares=[_errors_as_json])
    app.router.add_get("/health", health)
    SERVICES[name](app)
    return app


@asynccontextmanager
async def services(
    ports: Mapping[str, int] | None = None, *, access_log: Logger | None = None
) -> AsyncIterator[Mapping[str, str]]:
    """Run all ten on 127.0.0.1 and give their URLs by name, such as `http://127.0.0.1:4009`.

    A service that `ports` does not name, and one with port 0, takes a free port. Raises OSError where a port
    is taken; those started before are stopped. On leaving, requests have a second to finish.
    """
    given = ports or {}
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                service(name, Address(_HOST, given.get(name, 0)), access_log=access_log)
            )
            for name in SERVICES
        }


@asynccontextmanager
async def service(name: str, address: Address, *, access_log: Logger | None = None) -> AsyncIterator[str]:
    """Run one of them at `address` and give its URL. Raises OSError where that is taken."""
    runner = web.AppRunner(application(name), access_log=access_log, shutdown_timeout=_SECONDS_TO_FINISH)
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host, address.port).start()
        yield f"http://{Address(address.host, runner.addresses[0][1])}"
    finally:
        await runner.cleanup()


def environment(running: Mapping[str, str]) -> dict[str, str]:
    """The variables that point config/gateway.yaml at running services: `AZORA_PAY_URL` and so on."""
    return {f"{name.upper().replace('-', '_')}_URL": url for name, url in running.items()}


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        allow = {"Allow": refusal.headers["Allow"]} if "Allow" in refusal.headers else {}
        return web.json_response({"error": refusal.text}, status=refusal.status, headers=allow)
