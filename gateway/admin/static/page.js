// Pieces of the page. Whatever others said becomes text nodes, never markup, and cannot turn the text around.

const SVG = "http://www.w3.org/2000/svg"
// Controls, what turns the text around it, what ends a line, what has no width, and half characters.
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu
const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })

export const at = (id) => document.getElementById(id)

// Text as it can be seen: what could not is spelt as its code.
export function plain(value) {
    return String(value ?? "").replace(UNSEEN, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`)
}

// An element with a class, of texts and other elements.
export function make(tag, kind, ...parts) {
    const made = document.createElement(tag)
    if (kind) made.className = kind
    made.append(...parts.map((part) => (part instanceof Node ? part : plain(part))))
    return made
}

// Say something in an element, which is left alone where it says that already.
export function say(element, text, kind) {
    const shown = plain(text)
    if (element.textContent !== shown) element.textContent = shown
    if (kind !== undefined && element.className !== kind) element.className = kind
}

// Fill a table: rows are { key, cells }, a cell is a text, { text, kind, title }, or what draws into its <td>.
// A row that was there before stays the same element, so that focus and selection do.
export function fill(body, rows, empty) {
    const shown = rows.length > 0 ? rows : [{ key: "", cells: [], empty }]
    const wanted = new Set(shown.map(({ key }) => key))
    // Those that go, go first: what stays is not moved then, unless the order changes.
    for (const row of [...body.rows]) if (!wanted.has(row.dataset.key)) row.remove()
    const before = new Map([...body.rows].map((row) => [row.dataset.key, row]))
    shown.forEach((row, place) => {
        const kept = before.get(row.key) ?? made(row, body)
        before.delete(row.key)
        if (body.rows[place] !== kept) body.insertBefore(kept, body.rows[place] ?? null)
        row.cells.forEach((cell, column) => draw(kept.cells[column], cell))
        if (row.empty !== undefined) say(kept.cells[0], row.empty)
    })
    while (body.rows.length > shown.length) body.lastElementChild.remove()
}

function made(row, body) {
    const element = document.createElement("tr")
    element.dataset.key = row.key
    if (row.empty !== undefined) {
        const cell = make("td", "empty")
        cell.colSpan = [...body.parentElement.tHead.rows].at(-1).cells.length
        element.append(cell)
    }
    row.cells.forEach((_, column) => {
        element.append(document.createElement(column === 0 && row.head ? "th" : "td"))
    })
    if (row.head) element.cells[0].scope = "row"
    return element
}

function draw(element, cell) {
    if (typeof cell === "function") return cell(element)
    const { text, kind = "", title = "" } = typeof cell === "object" ? cell : { text: cell }
    say(element, text, kind)
    if (element.title !== plain(title)) element.title = plain(title)
}

// Draw a line of values, the last one on the right; the highest of them is the height.
export function sparkline(parent, values, length) {
    const width = 120
    const height = 24
    const highest = Math.max(...values, 0)
    const points = values.map((value, place) => {
        const x = width - ((values.length - 1 - place) * width) / (length - 1)
        const y = height - 1.5 - (highest > 0 ? (value / highest) * (height - 4) : 0)
        return `${x.toFixed(1)},${y.toFixed(1)}`
    })
    const [area, line] = lines(parent, width, height)
    line.setAttribute("points", points.join(" "))
    const first = points[0]?.split(",")[0] ?? width
    area.setAttribute("points", points.length > 1 ? `${first},${height} ${points.join(" ")} ${width},${height}` : "")
}

function lines(parent, width, height) {
    if (parent.firstElementChild === null) {
        const svg = document.createElementNS(SVG, "svg")
        svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
        svg.setAttribute("preserveAspectRatio", "none")
        svg.setAttribute("class", "spark")
        svg.setAttribute("aria-hidden", "true")
        svg.append(document.createElementNS(SVG, "polygon"), document.createElementNS(SVG, "polyline"))
        parent.append(svg)
    }
    return parent.firstElementChild.children
}

// A cell of a number.
export const number = (text, kind = "") => ({ text, kind: `n ${kind}`.trim() })

export const count = (value) => (value === undefined ? "–" : COUNT.format(value))

export function rate(value) {
    if (value === undefined) return "–"
    return value === 0 ? "0" : value < 0.1 ? "<0.1" : value < 100 ? value.toFixed(1) : COUNT.format(value)
}

export function share(part, whole) {
    if (!whole) return "–"
    const percent = (100 * part) / whole
    return percent === 0 ? "0" : percent < 0.1 ? "<0.1 %" : `${percent.toFixed(percent < 10 ? 1 : 0)} %`
}

// Seconds in the unit in which they are read best.
export function duration(seconds) {
    if (seconds === undefined) return "–"
    if (seconds >= 1) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
    const [value, unit] = seconds >= 0.001 ? [seconds * 1e3, "ms"] : [seconds * 1e6, "µs"]
    return `${value.toFixed(value < 10 && !Number.isInteger(value) ? 1 : 0)} ${unit}`
}

// The time of day of an ISO 8601 text, or a timestamp as a date in UTC.
export const timeOf = (text) => plain(text).slice(11, 23)
export const dateOf = (seconds) =>
    seconds ? `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC` : "never"
