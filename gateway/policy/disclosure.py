"""Response fields that tell an attacker what stands behind the gateway.

The OWASP Secure Headers project publishes the list (Apache-2.0; state of 2026-07-19). A trailing `*` stands
for a family: its vendor adds members from one release to the next, and none of them is meant for a browser.
Names are lower-case. `Server` is among them; the gateway sends none of its own.
"""

DISCLOSING = (
    *(
        "$wsep",
        "host-header",
        "k-proxy-request",
        "liferay-portal",
        "oraclecommercecloud-version",
        "pega-host",
    ),
    *("powered-by", "product", "server", "sourcemap", "x-aspnet-version", "x-aspnetmvc-version"),
    *("x-atmosphere-error", "x-atmosphere-first-request", "x-atmosphere-tracking-id", "x-b3-*", "x-beserver"),
    *("x-backside-transport", "x-cf-powered-by", "x-cms", "x-calculatedbetarget", "x-cocoon-version"),
    *("x-content-encoded-by", "x-datadog-*", "x-diaginfo", "x-envoy-*", "x-feserver", "x-framework"),
    *("x-generated-by", "x-generator", "x-gitlab-meta", "x-jitsi-release", "x-joomla-version", "x-kong-*"),
    *("x-kubernetes-pf-flowschema-ui", "x-kubernetes-pf-prioritylevel-uid", "x-litespeed-*"),
    # No family: the client side of Next.js reads other fields of this prefix.
    *("x-nextjs-cache", "x-nextjs-matched-path", "x-nextjs-page", "x-nextjs-redirect"),
    *("x-mod-pagespeed", "x-owa-version", "x-old-content-length", "x-oneagent-js-injection", "x-page-speed"),
    *("x-php-version", "x-powered-by", "x-powered-by-plesk", "x-powered-cms", "x-redirect-by"),
    *("x-server-powered-by", "x-sourcefiles", "x-sourcemap", "x-turbo-charged-by", "x-tyk-trace-id"),
    *("x-umbraco-version", "x-varnish-backend", "x-varnish-server", "x-woodpecker-version", "x-dtagentid"),
    *("x-dthealthcheck", "x-dtinjectedservlet", "x-ruxit-js-agent"),
)
