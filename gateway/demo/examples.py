"""What to try against the demo: curl commands, each with what it shows."""

# The key is any sixteen bytes in base64 (RFC 6455 4.1).
_WEBSOCKET = (
    "-H 'Connection: Upgrade' -H 'Upgrade: websocket' "
    "-H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: bW91bnQga2lsaW1hbmphcg=='"
)
_PREFLIGHT = (
    "-H 'Origin: https://app.azora.example' -H 'Access-Control-Request-Method: DELETE' "
    "-H 'Access-Control-Request-Headers: authorization'"
)
_JSON = "-H 'Content-Type: application/json'"
# The tokens of a teacher and of a bookkeeper: a shell fills them in.
_SHOWN = '-H "Authorization: Bearer $TOKEN"'
_PAYS = '-H "Authorization: Bearer $FINANCE"'


def tokens(program: str) -> list[str]:
    """The commands of a shell that come before all others; `program` is what it calls the gateway."""
    return [f"TOKEN=$({program} token --role educator)", f"FINANCE=$({program} token --role finance)"]


def examples(base_url: str) -> list[tuple[str, str]]:
    """What each command shows, and the command, for a gateway at `base_url` such as `http://127.0.0.1:8080`."""
    api = f"{base_url}/api"
    return [
        ("A list, with our headers on it", f"curl -i {api}/education/courses"),
        ("The same list, compressed on its way", f"curl -i --compressed {api}/education/courses"),
        ("What needs a token, asked for without one: 401", f"curl -i {api}/pay/charges"),
        ("The same with one", f"curl -i {_PAYS} {api}/pay/charges"),
        (
            "With one that somebody has changed: 401",
            f'curl -i -H "Authorization: Bearer ${{FINANCE}}x" {api}/pay/charges',
        ),
        (
            "With one whose roles do not permit it: 403, reason missing_permission",
            f"curl -i {_SHOWN} {api}/pay/charges",
        ),
        (
            "A wallet of one's own, and somebody else's: 200, then 403, reason condition_failed",
            f"curl -i {_SHOWN} '{api}/mint/wallets/wallet-[1-2]'",
        ),
        (
            "What the service behind sees of a request: who asks, and no token",
            f"curl {_SHOWN} '{api}/gateway/echo?a=1&a=2'",
        ),
        (
            "Something new: 201, and its Location with the prefix put back",
            f'curl -i {_PAYS} {_JSON} -d \'{{"user": "user-1", "amount": 4900}}\' {api}/pay/charges',
        ),
        ("A file to keep", f"curl -i {_PAYS} {api}/pay/statements/2026-01"),
        (
            "An answer word by word, as server-sent events",
            f"curl -N {_SHOWN} {api}/sapiens/sessions/session-1/answer",
        ),
        (
            "A WebSocket: 101, a greeting, and the end after two seconds",
            f"curl -i -N --max-time 2 --output - {_SHOWN} {_WEBSOCKET} '{api}/family/chat?persona=persona-2'",
        ),
        (
            "A browser asks whether a page of ours may send a DELETE: a preflight, answered by the gateway",
            f"curl -i -X OPTIONS {_PREFLIGHT} {api}/auth/sessions/session-1",
        ),
        ("A slow service that makes it in time", f"curl '{api}/health/probe/slow?seconds=2'"),
        ("One that does not: 504 after five seconds", f"curl -i '{api}/health/probe/slow?seconds=8'"),
        ("A service that fails: its own 500", f"curl -i {api}/health/probe/fail"),
        ("A service that hangs up in the middle of a body", f"curl -i {api}/health/probe/drop"),
        ("A 404 of the service", f"curl -i {_PAYS} {api}/pay/charges/charge-9"),
        ("A 404 of the gateway: no route", f"curl -i {api}/pay/ledger"),
        ("A method that no route allows: 405", f"curl -i -X DELETE {api}/pay/charges/charge-1"),
        (
            "Eight logins at once: five pass, then 429 and when to try again",
            f"curl -i {_JSON} -d '{{}}' '{api}/auth/sessions?try=[1-8]'",
        ),
        ("A path trick, refused", f"curl -i --path-as-is {api}/pay/%2e%2e/mint/issues"),
        (
            "What another site made a browser send, refused",
            f"curl -i -b session=1 -H 'Origin: https://evil.example' -d '{{}}' {api}/education/courses",
        ),
        (
            "A body over the route's limit, refused before it is read",
            f"head -c 20000 /dev/zero | curl -i {_JSON} --data-binary @- {api}/pay/charges",
        ),
        (
            "A body that its schema does not admit: 422, and where",
            f'curl -i {_PAYS} {_JSON} -d \'{{"user": "user-1", "amount": "lots"}}\' {api}/pay/charges',
        ),
    ]
