// What the traffic is like: the tiles, and the table of routes. Computed from a History.

import { quantile, sums, total } from "./metrics.js"
import { at, count, duration, fill, number, rate, say, share, sparkline } from "./page.js"

// Points of a sparkline, and rows of the table, at most.
const POINTS = 60
const ROWS = 100

// How many requests a second there were at each of the last readings, by route; "" is all of them.
const trails = new Map()

export function forget() {
    trails.clear()
}

function trail(route, value) {
    if (!trails.has(route)) trails.set(route, [])
    const values = trails.get(route)
    values.push(value)
    if (values.length > POINTS) values.shift()
}

export function follow(history) {
    if (history.step === 0) return
    const grown = history.lately("gateway_requests_total")
    const byRoute = sums(grown, "route")
    for (const [route, value] of byRoute) trail(route, value / history.step)
    trail("", total(grown) / history.step)
}

// Both quantiles in words. The first and the last bucket say no more than on which side of a bound it was.
function pair(histogram) {
    return [0.5, 0.99].map((share) => {
        const value = quantile(share, histogram)
        if (value === undefined) return duration(value)
        const [first, last] = [histogram[0][0], histogram.at(-2)[0]]
        return value < first ? `<${duration(first)}` : `${value === last ? "≥" : ""}${duration(value)}`
    })
}

const ofClass = (series, digit) => series.filter(({ labels }) => labels.status[0] === digit)

// A backend that failed decides as well, but refuses nobody.
const isRefusal = ({ labels: { mode, policy } }) => mode === "enforce" && policy !== "upstream"

export function showTiles(history) {
    const { seconds, now } = history
    const requests = history.growth("gateway_requests_total")
    const refused = history.growth("gateway_decisions_total").filter(isRefusal)
    const all = (name) => history.histograms(name).get("")
    const failed = total(ofClass(requests, "5"))
    say(at("tile-rate"), rate(seconds ? total(requests) / seconds : undefined))
    sparkline(at("tile-spark"), trails.get("") ?? [], POINTS)
    say(at("tile-failed"), share(failed, total(requests)), failed > 0 ? "bad" : "")
    say(at("tile-refused"), rate(seconds ? total(refused) / seconds : undefined))
    say(at("tile-total"), pair(all("gateway_request_duration_seconds_bucket")).join(" / "))
    say(at("tile-ours"), pair(all("gateway_overhead_seconds_bucket")).join(" / "))
    say(at("tile-flight"), count(now.value("gateway_requests_in_flight")))
    const limit = count(now.value("gateway_client_connections_limit"))
    say(at("tile-connections"), `${count(now.value("gateway_client_connections"))} of ${limit}`)
}

// What is shown of each route, from `listed`, the routes of the configuration.
function routesOf(history, listed) {
    const requests = history.growth("gateway_requests_total")
    const [all, refused, failed] = [requests, ofClass(requests, "4"), ofClass(requests, "5")].map((series) =>
        sums(series, "route"),
    )
    const ever = sums(history.now.series("gateway_requests_total"), "route")
    const totals = history.histograms("gateway_request_duration_seconds_bucket", "route")
    const ours = history.histograms("gateway_overhead_seconds_bucket", "route")
    const upstreams = history.histograms("gateway_upstream_duration_seconds_bucket", "upstream")
    const known = new Map(listed.map((route) => [route.id, route]))
    const ids = new Set([...known.keys(), ...[...ever.keys()].filter((id) => ever.get(id) > 0)])
    return [...ids].map((id) => {
        const route = known.get(id)
        return {
            id,
            path: route ? route.path : "",
            says: route ? `${route.methods.join(" ") || "any method"} ${route.path}, ${route.source}` : "",
            target: route?.target ?? "",
            requests: all.get(id) ?? 0,
            refused: refused.get(id) ?? 0,
            failed: failed.get(id) ?? 0,
            ever: ever.get(id) ?? 0,
            total: totals.get(id),
            ours: ours.get(id),
            upstream: upstreams.get(route?.target),
        }
    })
}

const ORDERS = {
    busy: (one, other) => other.requests - one.requests || other.ever - one.ever,
    slow: (one, other) => (quantile(0.99, other.total) ?? -1) - (quantile(0.99, one.total) ?? -1),
    failed: (one, other) => other.failed - one.failed || other.requests - one.requests,
    listed: () => 0,
}

export function showTraffic(history, listed) {
    const every = routesOf(history, listed)
    const wanted = at("filter").value.toLowerCase()
    const fitting = every.filter(({ id, path }) => `${id} ${path}`.toLowerCase().includes(wanted))
    const busy = at("quiet").checked ? fitting : fitting.filter(({ ever }) => ever > 0)
    const shown = busy.sort(ORDERS[at("order").value]).slice(0, ROWS)
    const empty = wanted
        ? "No route like that. Clear the filter, or tick “quiet ones too”."
        : "No request has come yet. Send one to the gateway, or tick “quiet ones too”."
    fill(at("routes"), shown.map((route) => traffic(route, history.seconds)), empty)
    const quiet = fitting.length - fitting.filter(({ ever }) => ever > 0).length
    const cut = busy.length > ROWS ? `, the first ${ROWS} of ${busy.length}` : ""
    say(at("traffic-note"), `the last ${Math.round(history.seconds)} s${cut}; ${quiet} quiet`)
}

function traffic(route, seconds) {
    const { id, path, says, target, requests, refused, failed } = route
    const [p50, p99, ours50, ours99, theirs50, theirs99] = [route.total, route.ours, route.upstream].flatMap(pair)
    return {
        key: id,
        head: true,
        cells: [
            { text: id, title: says },
            { text: path, kind: "path", title: path },
            number(rate(seconds ? requests / seconds : undefined)),
            (cell) => sparkline(cell, trails.get(id) ?? [], POINTS),
            number(share(refused, requests), refused ? "warn" : "muted"),
            number(share(failed, requests), failed ? "bad" : "muted"),
            ...[number(p50), number(p99), number(ours50), number(ours99)],
            { text: target, kind: "muted" },
            ...[number(theirs50), number(theirs99)],
        ],
    }
}
