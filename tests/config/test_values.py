from ipaddress import ip_network

import pytest

from gateway.config import values
from gateway.config.snapshot import Address

STORES = (
    *(
        "redis://h",
        "redis://127.0.0.1:6379/0",
        "redis://[::1]:1/",
        "rediss://gw:p%40ss@redis.internal:6380/3",
    ),
    *("unix:///run/redis.sock", "redis+cluster://h1:1,[::1]:2,h3", "rediss+cluster://u:p@h1"),
    *("redis+sentinel://h1,h2:7/azora", "redis+sentinel://h1/azora/2"),
)
KEYS = ("address", "principal", "route", "header:X-Team", "claim:org", "claim:https://azora.example/org")


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        pytest.param(values.duration, "250ms", 0.25, id="milliseconds"),
        pytest.param(values.duration, "10s", 10.0, id="seconds"),
        pytest.param(values.duration, "5m", 300.0, id="minutes"),
        pytest.param(values.duration, "1h", 3600.0, id="an hour"),
        pytest.param(values.pause, "0s", 0.0, id="no pause"),
        pytest.param(values.moment, "1970-01-02T00:00:00Z", 86400.0, id="a moment"),
        pytest.param(values.moment, "1970-01-02T02:30:00+02:30", 86400.0, id="a moment of another zone"),
        pytest.param(values.size, "512B", 512, id="bytes"),
        pytest.param(values.size, "64KiB", 65536, id="KiB"),
        pytest.param(values.size, "1GiB", 1024**3, id="GiB"),
        pytest.param(values.rate, "600/1m", (600, 60.0), id="a rate"),
        pytest.param(values.percent, "20%", 0.2, id="a percentage"),
        pytest.param(values.percent, "99.9%", 0.999, id="a percentage with a fraction"),
        pytest.param(values.target, "99.999999%", 0.99999999, id="a target, almost all"),
        pytest.param(values.target, "0.000001%", 0.00000001, id="a target, almost nothing"),
        pytest.param(values.network, "10.0.0.0/8", ip_network("10.0.0.0/8"), id="a network"),
        pytest.param(values.network, "2001:db8::1", ip_network("2001:db8::1/128"), id="an address"),
        pytest.param(values.listening, "0.0.0.0:8080", Address("0.0.0.0", 8080), id="every address"),
        pytest.param(values.listening, "[::]:0", Address("::", 0), id="IPv6, any port"),
        pytest.param(values.listening, "unix:/run/a.sock", Address(unix="/run/a.sock"), id="a socket"),
        pytest.param(values.endpoint, "http://pay", Address("pay", 80), id="http has a port"),
        pytest.param(
            values.endpoint, "https://pay.internal", Address("pay.internal", 443, tls=True), id="https"
        ),
        pytest.param(values.endpoint, "http://[::1]:81", Address("::1", 81), id="an endpoint on IPv6"),
        pytest.param(
            values.endpoint, "unix:/run/a.sock", Address(unix="/run/a.sock"), id="an endpoint's socket"
        ),
        pytest.param(
            values.url, "https://id.example:8443/keys?a=1", "https://id.example:8443/keys?a=1", id="a URL"
        ),
        pytest.param(values.origin, "https://*.app.example:8443", "https://*.app.example:8443", id="origins"),
        pytest.param(values.site, "http://[::1]:8080", "http://[::1]:8080", id="one origin"),
        pytest.param(values.host, "*.app.example", "*.app.example", id="a host with a wildcard"),
        pytest.param(values.server_name, "pay.internal", "pay.internal", id="the name in a certificate"),
        pytest.param(values.server_name, "2001:db8::1", "2001:db8::1", id="the address in a certificate"),
        pytest.param(values.name, "azora-pay.v2", "azora-pay.v2", id="a name"),
        pytest.param(values.permission, "payments:write", "payments:write", id="a permission"),
        pytest.param(values.grant, "payments:*", "payments:*", id="all of an area"),
        pytest.param(values.grant, "*", "*", id="everything"),
        pytest.param(
            values.scope, "https://a.example/pay.write", "https://a.example/pay.write", id="a scope"
        ),
        pytest.param(values.reason, "missing_role", "missing_role", id="a reason"),
        pytest.param(values.method, "M-SEARCH", "M-SEARCH", id="a rare method"),
        pytest.param(values.field_name, "X-Request-Source", "X-Request-Source", id="a field"),
        pytest.param(values.field_value, "a, b", "a, b", id="the value of a field"),
        pytest.param(values.own_field, "Authorization", "Authorization", id="a field that passes"),
        pytest.param(values.media_type, "Application/JSON", "application/json", id="a media type"),
        pytest.param(values.prefix, "/api/pay", "/api/pay", id="a prefix"),
        *[pytest.param(values.store, url, url, id=f"the store {url}") for url in STORES],
        *[pytest.param(values.partition, key, key, id=f"the key {key}") for key in KEYS],
        pytest.param(
            values.chooser,
            "claim:https://azora.example/plan",
            "claim:https://azora.example/plan",
            id="a claim",
        ),
    ],
)
def test_a_text_is_read(parse, text, value):
    assert value == parse(text)


REFUSED = {
    values.duration: ["10", "10 s", "-1s", "1d", "1.5s", "0s", "10S", "9999999999s"],
    values.pause: ["0", "s"],
    values.moment: [
        *("1970-01-02", "1970-01-02T00:00:00", "1970-01-02 00:00:00Z", "1970-13-02T00:00:00Z"),
        *("1970-01-02T00:00:00Z\n", "1970-01-02T24:00:01Z", "now"),
    ],
    values.size: ["10", "64kb", "64KB", "1.5MiB", "-1B", "64KiB\n"],
    values.rate: ["600", "600/m", "600/0s", "/1m", "600 / 1m"],
    values.server_name: [
        "",
        "*.internal",
        "Pay.internal",
        "pay.internal:443",
        "[::1]",
        "pay.",
        f"{'a.' * 127}b",
    ],
    values.percent: ["20", "101%", "-1%", "%"],
    values.target: ["99.9", "0%", "0.000000%", "100%", "100.0%", "101%", "-1%", "%"],
    values.network: ["10.0.0.1/8", "10.0.0/8", "10.0.0.0/33", "pay", "::/129"],
    values.listening: [
        *("8080", ":8080", "localhost:80", "::1:80", "[::1]", "1.2.3.4:", "1.2.3.4:65536", "[1.2.3.4]:80"),
        *("unix:", "unix:a", "unix:/" + "a" * 108, "unix:/a\0b"),
    ],
    values.endpoint: [
        *("pay:80", "ftp://pay", "http://", "http://pay/", "http://pay?", "http://u@pay", "http://pay#"),
        *("http://pay:", "http://pay:99999", "http://pay:0", "http://*.pay", "http://p ay", "http://pay\n"),
        *("http://[::1", "unix:run/a.sock"),
    ],
    values.url: ["id.example", "ftp://id", "https://u:p@id", "https://id/#a", "https://id:x", "https://id/ä"],
    values.origin: [
        *("app.example", "https://app.example/", "https://App.example", "https://app.example:443", "ftp://a"),
        *("http://app.example:80", "http://app.example:080", "http://app.example:65536", "https://*", "Null"),
        *("https://a.*.example", "https://u@app.example", "https://app.example\n", "**"),
    ],
    values.site: [
        *("app.example", "https://App.example", "https://app.example/", "https://*.app.example", "*", "null"),
        *("https://app.example:443", "http://app.example:80", "ftp://app.example"),
    ],
    values.host: ["App.example", "app.example:80", "a_b", "*", "*.*.a", "-a", "a..b"],
    values.name: ["1a", "_a", "a b", "a/b", "a" * 65],
    values.permission: [
        "payments",
        "payments:*",
        "*",
        "a:b:c",
        ":b",
        "a:",
        "a :b",
        "p\u00e4y:read",
        "a:" + "b" * 65,
    ],
    values.grant: ["payments", "*:read", "*:*", "a*:b", "a:b*", "**"],
    values.scope: ["a b", '"', "\\", "\u00e4", "a\n"],
    values.reason: ["Missing_role", "missing-role", "MISSING_ROLE"],
    values.method: ["get", "GE T", "CONNECT", "TRACE"],
    values.field_name: ["X Y", "X:", "X\n"],
    values.field_value: [" a", "a\r\nb", "ä", "a\0"],
    values.own_field: ["Host", "connection", "X-Forwarded-For", "X-Auth-Subject"],
    values.partition: [
        "user",
        "address:",
        "header:",
        "header:Host",
        "header:a b",
        "claim:",
        "claim",
        "Route",
    ],
    values.chooser: ["plan", "claim:", "header:plan", "tiers"],
    values.store: [
        *(
            "127.0.0.1:6379",
            "http://h",
            "redis://",
            "redis://h/x",
            "redis://h/0/1",
            "redis://h:0",
            "redis://h1,h2",
        ),
        *("redis://h?db=1", "redis://h#a", "redis://h:x", "redis://*.h", "redis://h\n", "redis://[::1"),
        *("unix://h/run/a.sock", "unix://", "redis+cluster://h/1", "redis+cluster://", "redis+cluster://h1,"),
        *("redis+sentinel://h", "redis+sentinel://h/", "redis+sentinel://h/m/x", "unix+cluster:///a"),
    ],
    values.media_type: ["json", "application/", "application/*", "a/b; charset=utf-8", "a/b/c", "a /b"],
    values.prefix: ["/", "api", "/api/", "/api//pay", "/{x}", "/a/../b", "/a?b"],
}


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        pytest.param(parse, text, id=f"{parse.__name__} {text!a}")
        for parse, texts in REFUSED.items()
        for text in ("", *texts)
    ],
)
def test_anything_else_is_refused_with_what_was_expected(parse, text):
    with pytest.raises(ValueError, match=r"^(an?|the) "):
        parse(text)
