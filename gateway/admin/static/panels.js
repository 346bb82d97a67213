// The panels of figures: each reads a History and what else was asked, and fills its part of the page.

import { quantile, sums, total } from "./metrics.js"
import * as page from "./page.js"

const { at, count, duration, fill, plain, rate, say, share, sparkline } = page

// Points of a sparkline, and rows of a table, at most.
const POINTS = 60
const ROWS = 100
const number = (text, kind = "") => ({ text, kind: `n ${kind}`.trim() })

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

export function showTiles(history) {
    const { seconds, now } = history
    const requests = history.growth("gateway_requests_total")
    const refused = history.growth("gateway_decisions_total").filter(({ labels }) => labels.mode === "enforce")
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

export function showUpstreams(history, upstreams) {
    const rows = upstreams.flatMap(({ name, endpoints }) =>
        endpoints.map((endpoint) => ({
            key: `${name} ${endpoint.address}`,
            head: true,
            cells: [
                name,
                { text: endpoint.address, kind: "path", title: endpoint.addresses.join(" ") },
                { text: endpoint.state, kind: endpoint.state === "up" ? "good" : "bad" },
                number(count(endpoint.failures), endpoint.failures ? "warn" : ""),
                ...["pending", "connections", "idle"].map((name) => number(count(endpoint[name]))),
                number(count(endpoint.waiting), endpoint.waiting ? "warn" : ""),
            ],
        })),
    )
    fill(at("endpoints"), rows, "No upstream: the gateway answers by itself. Name one under “upstreams” in gateway.yaml.")
    const failures = history.growth("gateway_upstream_failures_total").filter(({ value }) => value > 0)
    const told = failures.map(({ labels, value }) => `${labels.upstream} ${count(value)} × ${labels.reason}`)
    say(at("failures"), told.length ? `without a response in the last 20 s: ${told.join(", ")}` : "", told.length ? "bad" : "muted")
}

// By reason, who refused and whether that is on trial; the route is the one that it happened on most.
export function showReasons(history) {
    const found = new Map()
    const lately = new Map(history.growth("gateway_decisions_total").map(({ labels, value }) => [labels, value]))
    for (const { labels, value } of history.now.series("gateway_decisions_total")) {
        const { reason, policy, mode, route } = labels
        const key = [reason, policy, mode].join(" ")
        const one = found.get(key) ?? { key, reason, policy, mode, routes: [], now: 0, ever: 0 }
        one.routes.push([value, route])
        one.now += lately.get(labels) ?? 0
        one.ever += value
        found.set(key, one)
    }
    const sorted = [...found.values()].sort((one, other) => other.now - one.now || other.ever - one.ever)
    fill(at("reasons"), sorted.slice(0, ROWS).map(reasonRow), "Nothing was refused since the start.")
}

function reasonRow({ key, reason, policy, mode, routes, now, ever }) {
    const [, most] = routes.reduce((one, other) => (other[0] > one[0] ? other : one))
    const others = routes.length > 1 ? ` +${routes.length - 1}` : ""
    return {
        key,
        head: true,
        cells: [
            reason,
            mode === "enforce" ? policy : `${policy}, on trial`,
            { text: `${most}${others}`, kind: "cut", title: routes.map(([value, route]) => `${route} ${value}`).join("\n") },
            number(count(now), now ? "warn" : "muted"),
            number(count(ever)),
        ],
    }
}

// The requests that were refused, newest first; `explain` is called with the id of one.
export function showRefused(decisions, explain) {
    const rows = decisions.map((told) => ({
        key: `${told.request_id} ${told.time}`,
        cells: [
            { text: page.timeOf(told.time), kind: "n", title: told.time },
            number(String(told.status)),
            { text: told.reason, title: `${told.policy}, ${told.source}` },
            { text: `${told.method} ${told.path}`, kind: "path", title: `${told.route}, ${told.user_agent}` },
            { text: told.principal ? `${told.principal}, ${told.client}` : told.client, kind: "path" },
            (cell) => button(cell, told, explain),
        ],
    }))
    fill(at("refused"), rows, "None of the last requests was refused, or no requests are remembered (telemetry.decisions).")
}

function button(cell, { request_id, method, path }, explain) {
    if (cell.firstElementChild) return
    const made = page.make("button", "small", "Explain")
    made.type = "button"
    made.setAttribute("aria-label", plain(`Explain ${method} ${path}`))
    made.addEventListener("click", () => explain(request_id))
    cell.append(made)
}

export function showQuotas(history) {
    const { now } = history
    const recent = sums(history.growth("gateway_quota_refusals_total"), "tier")
    const rows = now.series("gateway_quota_refusals_total").map(({ labels: { tier }, value }) => {
        const refused = recent.get(tier) ?? 0
        return { key: tier, head: true, cells: [tier, number(count(refused), refused ? "warn" : "muted"), number(count(value))] }
    })
    fill(at("tiers"), rows, "No tier is in use. Name some under “tiers”, and give routes a “quota”.")
    const stores = now.series("gateway_quota_store_up")
    const isLocal = now.value("gateway_quota_store_local") === 1
    const told = stores.map(({ labels, value }) => `${labels.store} ${value === 1 ? "up" : "down"}`)
    const isBad = isLocal || stores.some(({ value }) => value !== 1)
    say(at("stores"), `${told.join(", ")}${isLocal ? "; memory stands in" : ""}`, isBad ? "bad" : "")
    say(at("buckets"), count(now.value("gateway_quota_buckets")))
}

export function showConfiguration({ now }) {
    const labels = (name) => now.series(name)[0]?.labels ?? {}
    const isTaken = now.value("gateway_reload_successful") === 1
    const reloads = sums(now.series("gateway_reload_total"), "result")
    const build = labels("gateway_build_info")
    say(at("version"), labels("gateway_config_info").version)
    say(at("loaded"), page.dateOf(now.value("gateway_reload_last_success_timestamp_seconds")))
    say(at("given"), isTaken ? "was taken" : "was not taken: the one before serves on", isTaken ? "" : "bad")
    say(at("counts"), `${count(reloads.get("success"))} / ${count(reloads.get("failure"))}`)
    say(at("build"), `${build.version}, ${build.build}, Python ${build.python}, up since ${page.dateOf(now.started)}`)
}
