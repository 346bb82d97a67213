// The metrics page as numbers: what stands on one, what happened between two, and quantiles. Knows no page.

const LINE = /^([a-z_]+)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)/
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g
// What the console shows; everything else of the page is passed over.
const WANTED = new RegExp(
    "^(?:process_start_time|gateway_(?:requests_total|requests_in_flight|client_connections|upstream_failures|" +
        "decisions|quota|reload|config|build|workers|(?:request_duration|overhead|upstream_duration)_seconds_bucket))",
)
// Of which there are many for each route.
const BULKY = /_bucket$|^gateway_requests_total$/
// Seconds over which rates and quantiles are told.
const WINDOW = 20

function unquoted(value) {
    return value.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter))
}

// One metrics page: for each name its series, by their labels as they are written.
export class Reading {
    #names = new Map()
    #bounds = new Map()

    constructor(text, time) {
        this.time = time
        for (const line of text.split("\n")) {
            if (WANTED.test(line)) this.#take(LINE.exec(line))
        }
        this.started = this.value("process_start_time_seconds")
    }

    #take(found) {
        if (found === null) return
        const [, name, written = "", number] = found
        const value = Number(number)
        const labels = {}
        for (const [, label, quoted] of written.matchAll(LABEL)) labels[label] = unquoted(quoted)
        const bound = labels.le === "+Inf" ? Infinity : Number(labels.le)
        if (name.endsWith("_bucket")) this.#bounds.set(name, (this.#bounds.get(name) ?? new Set()).add(bound))
        // Thousands of routes without a request would be thousands of zeros, in each reading that is kept.
        if (value === 0 && BULKY.test(name)) return
        if (!this.#names.has(name)) this.#names.set(name, new Map())
        this.#names.get(name).set(written, { labels, bound, value })
    }

    series(name) {
        return [...(this.#names.get(name)?.values() ?? [])]
    }

    // The first value of a name, or undefined: for what has one series only.
    value(name) {
        return this.series(name)[0]?.value
    }

    bounds(name) {
        return [...(this.#bounds.get(name) ?? [])].sort((one, other) => one - other)
    }

    // The series of a name, each with what it has more than at `before`.
    since(before, name) {
        const known = before.#names.get(name)
        return [...(this.#names.get(name) ?? [])].map(([written, { labels, bound, value }]) => {
            const then = known?.get(written)?.value ?? 0
            // A counter that shrank began again.
            return { labels, bound, value: value < then ? value : value - then }
        })
    }
}

// The last readings of one process, and what they say of the time between them.
export class History {
    #readings = []

    // Returns whether it began anew: the counters of another process tell nothing of before.
    add(reading) {
        const isNew = this.now?.started !== reading.started
        if (isNew) this.#readings = []
        this.#readings.push(reading)
        while (this.#readings.length > 2 && this.seconds > WINDOW + 1) this.#readings.shift()
        return isNew
    }

    get now() {
        return this.#readings.at(-1)
    }

    // How much time all of the readings span, and the last two; 0 before there are two.
    get seconds() {
        return this.now.time - this.#readings[0].time
    }

    get step() {
        return this.now.time - (this.#readings.at(-2) ?? this.now).time
    }

    // What the series of a name grew by, over all of that time or in the last step.
    growth(name) {
        return this.now.since(this.#readings[0], name)
    }

    lately(name) {
        return this.now.since(this.#readings.at(-2) ?? this.now, name)
    }

    // The histograms of what was measured meanwhile by the values of a label, or all in one, as [bound, count].
    histograms(name, label) {
        const found = new Map()
        const bounds = this.now.bounds(name)
        for (const { labels, bound, value } of this.growth(name)) {
            const key = label === undefined ? "" : labels[label]
            if (!found.has(key)) found.set(key, bounds.map((each) => [each, 0]))
            found.get(key)[bounds.indexOf(bound)][1] += value
        }
        return found
    }
}

// The sums of series by the values of a label, and of all of them.
export function sums(series, label) {
    const found = new Map()
    for (const { labels, value } of series) found.set(labels[label], (found.get(labels[label]) ?? 0) + value)
    return found
}

export function total(series) {
    return series.reduce((sum, { value }) => sum + value, 0)
}

// The quantile of a histogram as Prometheus computes it; undefined where nothing was counted.
export function quantile(share, histogram) {
    const count = histogram?.at(-1)[1] ?? 0
    if (count === 0) return undefined
    const rank = share * count
    const place = histogram.findIndex(([, below]) => below >= rank)
    const [lower, before] = place > 0 ? histogram[place - 1] : [0, 0]
    const [upper, below] = histogram[place]
    // What lies behind the last bound is told as that bound.
    if (upper === Infinity) return lower
    return below === before ? upper : lower + ((upper - lower) * (rank - before)) / (below - before)
}
