// The console's rounds: ask, show, wait. One round at a time, and none while nobody looks.

import { Failure, hasToken, json, post, text, useToken } from "./asking.js"
import * as explaining from "./explaining.js"
import { History, Reading, sums } from "./metrics.js"
import { at, make, say } from "./page.js"
import * as panels from "./panels.js"
import * as traffic from "./traffic.js"

// Milliseconds between two rounds: at least, at most, and how often the time of a round that passes between.
const PACE = 2_000
const SLOWEST = 30_000
const SHARE = 5
// How many of the last decisions are looked at for refused ones, and how many of those are kept.
const LOOKED_AT = 200
const KEPT = 50

const history = new History()
let upstreams = []
let routes = []
let refused = []
let counted = -1
let version
let failures = 0
let timer
let began = -PACE
let isAsking = false
let isLocked = false

async function round() {
    clearTimeout(timer)
    if (isAsking || isLocked || document.hidden) return
    isAsking = true
    began = performance.now()
    try {
        await ask()
        failures = 0
        state("live", "good")
    } catch (error) {
        failures += 1
        troubled(error)
    }
    isAsking = false
    wait(Math.max(PACE * 2 ** Math.min(failures, 4), SHARE * (performance.now() - began)))
}

// The next round begins so long after the last one began.
function wait(pause) {
    clearTimeout(timer)
    timer = setTimeout(round, Math.min(SLOWEST, pause) - (performance.now() - began))
}

async function ask() {
    const [page, told] = await Promise.all([text("metrics"), json("upstreams")])
    upstreams = told
    if (history.add(new Reading(page, performance.now() / 1000))) begin()
    traffic.follow(history)
    const [serving] = history.now.series("gateway_config_info")
    if (serving?.labels.version !== version) {
        routes = await json("routes")
        version = serving?.labels.version
    }
    await learnRefused()
    show()
}

function begin() {
    traffic.forget()
    refused = []
    counted = -1
}

// The record is only asked when the counters say that something was refused since.
async function learnRefused() {
    const enforced = sums(history.now.series("gateway_decisions_total"), "mode").get("enforce") ?? 0
    if (enforced === counted) return
    counted = enforced
    try {
        const told = await json(`decisions?limit=${LOOKED_AT}`)
        const known = new Set(told.map(name))
        const found = told.filter(({ decision }) => decision === "refused" || decision === "failed")
        refused = [...found, ...refused.filter((each) => !known.has(name(each)))].slice(0, KEPT)
    } catch (error) {
        // A gateway that keeps no record has nothing to ask.
        if (error.status !== 404) throw error
    }
}

const name = ({ request_id, time }) => `${request_id} ${time}`

function show() {
    at("access").hidden = true
    at("figures").hidden = false
    traffic.showTiles(history)
    traffic.showTraffic(history, routes)
    panels.showUpstreams(history, upstreams)
    panels.showReasons(history)
    panels.showRefused(refused, explaining.lookUp)
    panels.showQuotas(history)
    panels.showConfiguration(history)
}

const state = (message, kind) => say(at("status"), message, `state ${kind}`)

function troubled(error) {
    if (error.status === 401) return lock()
    // What is no Failure is an answer in a form that nothing here expects.
    const why = error instanceof Failure ? error.message : `strange answer: ${error.message}`
    const stale = at("figures").hidden ? "" : "; the figures are old"
    state(`${error.status || ""} ${why}${stale}; trying again`.trim(), "bad")
}

function lock() {
    isLocked = true
    at("figures").hidden = true
    at("access").hidden = false
    say(at("access-error"), hasToken() ? "This is not the token of the listener." : "")
    state(hasToken() ? "token not accepted" : "token needed", "wait")
    at("token").focus()
}

async function reload() {
    const button = at("reload")
    button.disabled = true
    say(at("reload-said"), "reading the files", "muted")
    at("problems").hidden = true
    try {
        const { version, is_new } = await post("reload")
        say(at("reload-said"), is_new ? `${version} serves now.` : `${version} serves on: nothing has changed.`, "good")
    } catch (error) {
        if (!(error instanceof Failure)) throw error
        notTaken(error)
    } finally {
        button.disabled = false
    }
    void round()
}

function notTaken({ message, answer }) {
    const problems = answer?.problems ?? []
    const what = problems.length === 1 ? "one problem" : `${problems.length} problems`
    say(at("reload-said"), problems.length ? `Not taken, for ${what}. ${answer.version} serves on.` : message, "bad")
    at("problems").replaceChildren(...problems.map((problem) => make("li", "", problem)))
    at("problems").hidden = problems.length === 0
}

at("access-form").addEventListener("submit", (event) => {
    event.preventDefault()
    useToken(at("token").value)
    at("token").value = ""
    isLocked = false
    void round()
})
for (const id of ["filter", "order", "quiet"]) {
    at(id).addEventListener("input", () => traffic.showTraffic(history, routes))
}
at("reload").addEventListener("click", reload)
document.addEventListener("visibilitychange", () => wait(PACE))
explaining.listen()
void round()
