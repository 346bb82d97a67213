"""The work of the `policies` row, the same for every peer: who may ask, and which fields are added.

The response fields are what the gateway's preset `api` adds to a response over plain HTTP; a peer sets them
whatever the backend sent. Where a peer has no means for a part of it, its file says so.
"""

# Every client of a run comes from here; a peer answers all others with 403.
ALLOWED = "127.0.0.0/8"

RESPONSE_FIELDS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-DNS-Prefetch-Control", "off"),
    ("X-Frame-Options", "DENY"),
    ("X-Permitted-Cross-Domain-Policies", "none"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
)

# Told to the backend: the client's address, the scheme and the authority that it asked for, and a random id
# of the request, which goes back to the client too.
FORWARDED_FOR = "X-Forwarded-For"
FORWARDED_PROTO = "X-Forwarded-Proto"
FORWARDED_HOST = "X-Forwarded-Host"
REQUEST_ID = "X-Request-Id"

# Taken off the backend's response.
REMOVED = ("Server", "X-Powered-By")
