// Explains a request: one that is typed, by POST /explain, or one that came, by its id.

import { Failure, json, post } from "./asking.js"
import { at, fill, make, plain, say } from "./page.js"

const KINDS = {
    ...{ passed: "good", assumed: "good", answered: "good" },
    ...{ refused: "bad", failed: "bad", "on trial": "warn", unknown: "warn" },
}

export function listen() {
    at("question").addEventListener("submit", (event) => {
        event.preventDefault()
        void tell(event.submitter, () => post("explain", question()))
    })
    at("known").addEventListener("submit", (event) => {
        event.preventDefault()
        void tell(event.submitter, remembered)
    })
}

// Look up a request that came, and go to what is told of it.
export function lookUp(id) {
    at("request-id").value = id
    at("explain").scrollIntoView({ block: "start" })
    at("answer").focus({ preventScroll: true })
    void tell(null, remembered)
}

const remembered = () => json(`explain?request_id=${encodeURIComponent(typed("request-id"))}`)

// The question as POST /explain takes it. Throws a Failure for a line that is no field.
function question() {
    const [subject, roles] = halves(typed("principal"), ":")
    return {
        ...{ method: typed("method"), url: typed("url"), fields: fields(at("fields").value) },
        ...{ client: typed("client"), body: at("body").value },
        ...(subject && { principal: { subject, roles: roles.split(",").map((role) => role.trim()).filter(Boolean) } }),
        ...(typed("bearer") && { token: typed("bearer") }),
    }
}

const typed = (id) => at(id).value.trim()

function fields(text) {
    // An object without a prototype: any name of a field is only a name.
    const found = Object.create(null)
    for (const line of text.split("\n").filter((each) => each.trim())) {
        const [name, value] = halves(line, ":")
        if (!line.includes(":") || !name.trim()) throw new Failure(0, `expected “Name: value”, got ${plain(line)}`)
        const values = (found[name.trim()] ??= [])
        values.push(value.trim())
    }
    return found
}

function halves(text, mark) {
    const place = text.indexOf(mark)
    return place < 0 ? [text, ""] : [text.slice(0, place), text.slice(place + 1)]
}

let asked = 0

// Whoever asks again meanwhile is not told of what was asked before.
async function tell(button, ask) {
    const turn = ++asked
    clear()
    say(at("verdict"), "asking", "muted")
    if (button) button.disabled = true
    try {
        const told = await ask()
        if (turn === asked) show(told)
    } catch (error) {
        if (!(error instanceof Failure)) throw error
        if (turn === asked) say(at("verdict"), `It could not be explained: ${error.message}`, "bad")
    } finally {
        if (button) button.disabled = false
    }
}

function clear() {
    say(at("gist"), "")
    at("steps-box").hidden = true
    at("hints").replaceChildren()
    at("more").replaceChildren()
}

// What would become of a request, or became of one: the members of both answers are the same, but for a few.
function show(told) {
    const { request, route, upstream, answer, response, decision } = told
    const { step, source } = told.decided_by
    const by = step && `by ${step}${source ? ` at ${source}` : ""}`
    const end = told.verdict === "passed" ? `to ${upstream?.name}` : by
    const parts = [told.verdict, told.status && `with ${told.status}`, told.reason && `for ${told.reason}`, end]
    say(at("verdict"), parts.filter(Boolean).join(" "), kind(told.verdict))
    const where = typeof route === "object" && route !== null ? `${route.id} at ${route.source}` : (route ?? "none")
    const who = [request.client, request.principal].filter(Boolean).join(", ")
    const target = request.target ?? `${request.path}${request.query && `?${request.query}`}`
    say(at("gist"), `${request.method} ${target} to ${request.host}, from ${who}; route ${where}`)
    steps(told.steps)
    at("hints").replaceChildren(...told.hints.map((hint) => make("li", "", hint)))
    const sections = [
        upstream?.fields && ["What the service gets", [upstream.request_line, ...lines(upstream.fields)]],
        answer && ["The answer", [`status ${answer.status}`, ...lines(answer.fields), "", written(answer.body)]],
        response && ["What is done to the response", changes(response)],
        decision && ["The record of the request", Object.entries(decision).map(member)],
        told.policy.length && ["The policy of the route", told.policy.map(policyLine)],
    ]
    at("more").replaceChildren(...sections.filter(Boolean).map(([title, text]) => folded(title, text)))
}

function steps(told) {
    at("steps-box").hidden = false
    const rows = told.map(({ step, verdict, reason, source, note }, place) => ({
        key: `${place} ${step}`,
        head: true,
        cells: [
            step,
            { text: verdict, kind: kind(verdict) },
            reason ?? "",
            { text: source ?? "", kind: "path" },
            { text: note ?? "", kind: "note" },
        ],
    }))
    at("steps").replaceChildren()
    fill(at("steps"), rows, "No policy was asked.")
}

const kind = (verdict) => KINDS[verdict] ?? "muted"
const lines = (pairs) => pairs.map(([name, value]) => `${name}: ${value}`)
const written = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 1))
const member = ([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`
const policyLine = ({ key, value, source }) => `${key}: ${written(value)}${source ? `   # ${source}` : ""}`

function changes({ set, default: usual, add, remove }) {
    const told = [["set", set], ["default", usual], ["add", add]]
    const pairs = told.flatMap(([word, fields]) => lines(fields).map((line) => `${word}  ${line}`))
    return [...pairs, ...remove.map((name) => `remove  ${name}`)]
}

function folded(title, text) {
    const made = make("details", "", make("summary", "", title))
    const block = make("pre", "")
    block.textContent = text.map((line) => line.split("\n").map(plain).join("\n")).join("\n")
    block.tabIndex = 0
    made.append(block)
    return made
}
