// The other panels: upstreams, refusals, quotas and the configuration. Each fills its part of the page.

import { sums } from "./metrics.js"
import { at, count, dateOf, fill, make, number, plain, say, timeOf } from "./page.js"

const ROWS = 100

export function showUpstreams(history, upstreams) {
    const rows = upstreams.flatMap(({ name, endpoints }) =>
        endpoints.map((endpoint) => ({
            key: `${name} ${endpoint.address}`,
            head: true,
            cells: [
                name,
                { text: endpoint.address, kind: "path", title: endpoint.addresses.join(" ") },
                stateOf(endpoint),
                number(count(endpoint.failures), endpoint.failures ? "warn" : ""),
                ...["pending", "connections", "idle"].map((name) => number(count(endpoint[name]))),
                number(count(endpoint.waiting), endpoint.waiting ? "warn" : ""),
            ],
        })),
    )
    fill(at("endpoints"), rows, "No upstream is named: the gateway answers by itself. See “upstreams” in gateway.yaml.")
    const failures = history.growth("gateway_upstream_failures_total").filter(({ value }) => value > 0)
    const told = failures.map(({ labels, value }) => `${labels.upstream} ${count(value)} × ${labels.reason}`)
    say(at("failures"), told.length ? `without a response in the last 20 s: ${told.join(", ")}` : "", "bad")
}

// The worst state that a worker has it in; several of them may not agree.
function stateOf({ state, workers = {} }) {
    const title = Object.entries(workers).map(([word, count]) => `${word} for ${count}`).join(", ")
    return { text: state, kind: state === "up" ? "good" : "bad", title }
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
            { text: `${most}${others}`, kind: "cut", title: routes.slice(0, 20).map(([, route]) => route).join(", ") },
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
            { text: timeOf(told.time), kind: "n", title: told.time },
            number(String(told.status)),
            { text: told.reason, title: `${told.policy}, ${told.source}` },
            { text: `${told.method} ${told.path}`, kind: "path", title: `${told.route}, ${told.user_agent}` },
            { text: told.principal ? `${told.principal}, ${told.client}` : told.client, kind: "path" },
            (cell) => button(cell, told, explain),
        ],
    }))
    fill(at("refused"), rows, "None of the last requests was refused, or telemetry.decisions is 0.")
}

function button(cell, { request_id, method, path }, explain) {
    if (cell.firstElementChild) return
    const made = make("button", "small", "Explain")
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
        const lately = number(count(refused), refused ? "warn" : "muted")
        return { key: tier, head: true, cells: [tier, lately, number(count(value))] }
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
    const [{ labels: build } = { labels: {} }] = now.series("gateway_build_info")
    const isTaken = now.value("gateway_reload_successful") === 1
    const reloads = sums(now.series("gateway_reload_total"), "result")
    // Workers that are just taking another one serve by two.
    say(at("version"), now.series("gateway_config_info").map(({ labels }) => labels.version).join(", "))
    say(at("loaded"), dateOf(now.value("gateway_reload_last_success_timestamp_seconds")))
    say(at("given"), isTaken ? "was taken" : "was not taken: the one before serves on", isTaken ? "" : "bad")
    say(at("counts"), `${count(reloads.get("success"))} / ${count(reloads.get("failure"))}`)
    const [workers, configured] = [now.value("gateway_workers"), now.value("gateway_workers_configured")]
    const isShort = workers < configured
    say(at("workers"), `${count(workers)} of ${count(configured ?? workers)}`, isShort ? "bad" : "")
    say(at("build"), `${build.version}, ${build.build}, Python ${build.python}, up since ${dateOf(now.started)}`)
}
