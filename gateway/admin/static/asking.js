// Asks the admin listener. The token is kept in the memory of this page and goes into a field, never into a URL.

const PATIENCE = 10_000
let token = ""

// Why there is no answer to show; `status` is 0 where there was none at all.
export class Failure extends Error {
    constructor(status, message, answer = null) {
        super(message)
        this.status = status
        this.answer = answer
    }
}

export function useToken(given) {
    token = given
}

export const hasToken = () => token !== ""

// The text of an answer. Throws a Failure for every other status than 200.
export async function text(path, options = {}) {
    const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) }
    const settings = { ...options, headers, cache: "no-store", credentials: "omit", redirect: "error" }
    let status
    let body
    try {
        const answer = await fetch(path, { ...settings, signal: AbortSignal.timeout(PATIENCE) })
        status = answer.status
        body = await answer.text()
    } catch (error) {
        throw new Failure(0, error.name === "TimeoutError" ? "no answer within 10 s" : "nobody answers")
    }
    if (status !== 200) throw new Failure(status, detail(body), parsed(body))
    return body
}

export async function json(path, options) {
    return parsed(await text(path, options))
}

// Ask for something that a form of another site could not ask for.
export function post(path, content) {
    const headers = { "X-Gateway-Admin": "1", ...(content ? { "Content-Type": "application/json" } : {}) }
    return json(path, { method: "POST", headers, body: content && JSON.stringify(content) })
}

function parsed(body) {
    try {
        return JSON.parse(body)
    } catch {
        return null
    }
}

function detail(body) {
    return parsed(body)?.detail ?? body.trim().slice(0, 200)
}
