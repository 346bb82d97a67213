"""Programs with the SDK of OpenTelemetry before and behind a gateway: one trace, or two that are linked."""

from contextlib import ExitStack

import pytest
from aiohttp import web
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

PROPAGATOR = TraceContextTextMapPropagator()
# What has called the program that calls the gateway; its state is to reach the backend.
CALLER = SpanContext(
    *(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, True),
    *(TraceFlags(TraceFlags.SAMPLED), TraceState([("vendor", "1"), ("other", "a b")])),
)
CONTINUE = 'address: "127.0.0.1:0", trace_context: continue'
RESTART = 'address: "127.0.0.1:0"'


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Spans wait for no others."""
    monkeypatch.setattr("gateway.telemetry.exporter._INTERVAL", 0.02)


@pytest.fixture(params=[pytest.param("http/protobuf", id="HTTP"), pytest.param("grpc", id="gRPC")])
def protocol(request):
    """By which everybody sends spans."""
    return request.param


@pytest.fixture
def collector(collectors, protocol):
    return collectors(protocol)


@pytest.fixture
def instrumented(collector, protocol):
    """Make the tracer of a program of that name, whose spans go to the collector."""
    with ExitStack() as stack:

        def make(name):
            provider = TracerProvider(
                resource=Resource.create({"service.name": name}), shutdown_on_exit=False
            )
            if protocol == "grpc":
                exporter = GrpcExporter(collector.url, insecure=True)
            else:
                exporter = HttpExporter(f"{collector.url}/v1/traces")
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            stack.callback(provider.shutdown)
            return provider.get_tracer(name)

        yield make


@pytest.fixture
def asked(serve, backend, session, url, instrumented, collector, protocol):
    """Ask a backend through a gateway; gives the context that it saw, and the fields of the answer."""

    async def ask(listener, sample, caller=CALLER):
        shop, stock = instrumented("shop"), instrumented("stock")
        seen = []

        async def answer(request):
            context = PROPAGATOR.extract(request.headers)
            seen.append(get_current_span(context).get_span_context())
            with stock.start_as_current_span("work", context, kind=SpanKind.SERVER):
                return web.json_response({})

        traces = f'{{endpoint: "{collector.url}", protocol: {protocol}, sample: {sample}}}'
        more = f"telemetry: {{traces: {traces}}}\n"
        gateway = await serve(await backend(answer), listener=listener, more=more)
        above = set_span_in_context(NonRecordingSpan(caller))
        with shop.start_as_current_span("order", above, kind=SpanKind.CLIENT):
            fields = {}
            PROPAGATOR.inject(fields)
            async with session.get(url(gateway, "/a"), headers=fields) as response:
                assert 200 == response.status
        await gateway.stop()
        return seen[0], response.headers

    return ask


async def spans(collector):
    """The four of a request, in their order: of the shop, the gateway, its attempt, and the stock."""
    found = {(each.resource["service.name"], each.kind): each for each in await collector.took(4)}
    places = ("shop", "CLIENT"), ("test-gateway", "SERVER"), ("test-gateway", "CLIENT"), ("stock", "SERVER")
    return [found[place] for place in places]


async def test_a_trace_that_goes_on_is_one(asked, collector):
    """Each span hangs below the one before, and the state of the trace comes through."""
    seen, _ = await asked(CONTINUE, "0%")
    shop, server, client, stock = await spans(collector)
    assert {f"{CALLER.trace_id:032x}"} == {each.trace_id for each in (shop, server, client, stock)}
    assert [shop.span_id, server.span_id, client.span_id] == [
        each.parent_id for each in (server, client, stock)
    ]
    assert {"vendor=1,other=a b"} == {each.state for each in (shop, server, client, stock)}
    assert CALLER.trace_state == seen.trace_state
    assert [] == server.links
    assert shop.begun <= server.begun <= client.begun <= stock.begun
    assert stock.ended <= client.ended <= server.ended <= shop.ended


async def test_a_trace_that_begins_anew_is_linked(asked, collector):
    """The backend goes on with ours; the client's own is found by the link, and ours by the answer."""
    seen, fields = await asked(RESTART, "100%")
    shop, server, client, stock = await spans(collector)
    assert f"{CALLER.trace_id:032x}" == shop.trace_id != server.trace_id
    assert {server.trace_id} == {each.trace_id for each in (server, client, stock)}
    assert ["", server.span_id, client.span_id] == [each.parent_id for each in (server, client, stock)]
    assert [(shop.trace_id, shop.span_id)] == server.links
    assert 0 == len(seen.trace_state)
    response = get_current_span(PROPAGATOR.extract({"traceparent": fields["traceresponse"]}))
    assert int(server.span_id, 16) == response.get_span_context().span_id


async def test_who_does_not_sample_has_nobody_behind_sample(asked, collector):
    caller = SpanContext(CALLER.trace_id, CALLER.span_id, is_remote=True, trace_state=CALLER.trace_state)
    seen, _ = await asked(CONTINUE, "100%", caller)
    assert (CALLER.trace_id, False, CALLER.trace_state) == (
        *(seen.trace_id, seen.trace_flags.sampled, seen.trace_state),
    )
    assert [] == collector.spans
