// The status page: asks the agent every few seconds and draws what it says. Text goes in as text, never as markup.
// A module: in a classic script names such as `top` belong to the window, and declaring one again stops the whole page.

const interval = 5000;
const patience = 8000;
const words = {
    connected: "Connected", connecting: "Connecting", backoff: "No link, trying again", rejected: "Rejected by the cloud",
    stopped: "Stopping", ok: "Answers", unreachable: "Does not answer", auth_failed: "Refuses the service account",
    busy: "Throttles the account", unknown: "Not asked yet",
};
const mood = {
    connected: "good", ok: "good", rejected: "error", auth_failed: "error", unknown: "", connecting: "",
};

const by = (id) => document.getElementById(id);
let lastAnswer = null;
let timer = 0;
let asking = false;

function put(id, text) {
    const e = by(id);
    if (e.textContent !== text) // a live region speaks up for every change
        e.textContent = text;
}

function state(id, text, kind) {
    put(id, text);
    by(id).className = "state " + (kind ?? "warning");
}

function element(name, text, className) {
    const e = document.createElement(name);
    if (text !== undefined)
        e.textContent = text;
    if (className)
        e.className = className;
    return e;
}

function facts(id, rows) {
    const nodes = [];
    for (const [name, value] of rows)
        if (value !== null && value !== undefined && value !== "")
            nodes.push(element("dt", name), element("dd", value));
    by(id).replaceChildren(...nodes);
}

function moment(text) {
    const t = new Date(text);
    const today = new Date().toDateString() === t.toDateString();
    return today ? t.toLocaleTimeString() : t.toLocaleString();
}

function span(ms) {
    if (ms === null || ms === undefined)
        return "";
    if (ms < 1000)
        return `${Math.round(ms)} ms`;
    if (ms < 120000)
        return `${(ms / 1000).toFixed(1)} s`;
    if (ms < 7200000)
        return `${Math.round(ms / 60000)} min`;
    return `${Math.round(ms / 3600000)} h`;
}

function bytes(n) {
    return n < 1048576 ? `${Math.ceil(n / 1024)} KiB` : `${(n / 1048576).toFixed(1)} MiB`;
}

function showStatus(s) {
    put("agent", `${s.agent.name} · id ${s.agent.id} · version ${s.agent.version} · up since ${moment(s.agent.started_at)}`);

    state("link-state", words[s.link.state] ?? s.link.state, mood[s.link.state]);
    const lasting = s.link.state === "connected" || s.link.state === "rejected"; // else it is the last attempt's time
    facts("link", [["since", lasting ? moment(s.link.since) : null], ["address", s.link.url], ["session", s.link.session],
        ["round trip", span(s.link.rtt_ms)], ["reconnects", String(s.link.reconnects)], ["last error", s.link.last_error]]);

    state("exchange-state", words[s.exchange.state] ?? s.exchange.state, mood[s.exchange.state]);
    const version = s.exchange.version ? `${s.exchange.product ?? ""} (${s.exchange.version})`.trim() : null;
    facts("exchange", [["since", moment(s.exchange.since)], ["version", version],
        ["under way", String(s.exchange.in_flight)], ["last error", s.exchange.last_error]]);

    const q = s.queue;
    const known = q.commands !== null;
    state("queue-state", known ? `${q.commands} under way` : "Not known", known ? "" : "error");
    facts("queue", known ? [["not acknowledged", String(q.results_unacked)],
        ["oldest", q.oldest_s === null ? "nothing waits" : span(q.oldest_s * 1000)], ["on disk", bytes(q.bytes)]] : []);

    const days = s.certificate.days_left;
    const left = days === 0 ? "Less than a day" : days === 1 ? "1 day" : `${days} days`;
    state("certificate-state", days < 0 ? "Expired" : `${left} left`,
        days < 0 ? "error" : s.certificate.overdue ? "warning" : "good");
    facts("certificate", [["subject", s.certificate.subject], ["valid until", new Date(s.certificate.not_after).toLocaleString()]]);
}

function showFindings(list) {
    const items = list.map((f) => {
        const li = element("li", undefined, f.level);
        li.append(element("p", `${f.level === "error" ? "Error" : "Warning"}: ${f.what}`, "what"), element("p", f.advice));
        return li;
    });
    by("findings").replaceChildren(...items);
    by("wrong").hidden = list.length === 0;
    const worst = list.some((f) => f.level === "error") ? "error" : "warning";
    if (list.length === 0)
        summary("good", "All is well.");
    else
        summary(worst, list.length === 1 ? list[0].what : `${list.length} things need a look: ${list[0].what}`);
}

function summary(kind, text) {
    by("summary").className = "summary " + kind;
    put("summary", text);
    document.title = (kind === "good" ? "" : "(!) ") + "Workestra Relay";
}

// ---- charts: 600 by 150, the plot between x 70 and 595, y 10 and 125 ----

const left = 70, right = 595, top = 10, bottom = 125;

function svg(name, attributes, text) {
    const e = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes))
        e.setAttribute(key, value);
    if (text !== undefined)
        e.textContent = text;
    return e;
}

// The next of 1, 2, 5, 10, … at or above n.
function roundUp(n) {
    if (n <= 1)
        return 1;
    const power = 10 ** Math.floor(Math.log10(n));
    return [1, 2, 5, 10].map((m) => m * power).find((m) => m >= n * 0.999);
}

function axes(most) {
    return [
        svg("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
        svg("line", { class: "axis", x1: left, x2: right, y1: top, y2: top }),
        svg("text", { x: left - 6, y: top + 6, "text-anchor": "end" }, most),
        svg("text", { x: left - 6, y: bottom + 4, "text-anchor": "end" }, "0"),
        svg("text", { x: left, y: 144 }, "60 min ago"),
        svg("text", { x: right, y: 144, "text-anchor": "end" }, "now"),
    ];
}

function drawCounts(id, what, series) {
    const most = roundUp(Math.max(...series.count));
    const step = (right - left) / series.count.length;
    const nodes = axes(String(most));
    const bar = (i, from, n, kind) => {
        const high = (bottom - top) * n / most;
        nodes.push(svg("rect", { class: kind, x: left + i * step + 0.5, width: step - 1, y: bottom - high - from, height: high }));
        return high;
    };
    series.count.forEach((n, i) => {
        const failed = Math.min(series.failed[i], n);
        const high = failed > 0 ? bar(i, 0, failed, "bad") : 0;
        if (n > failed)
            bar(i, high, n - failed, "bar");
    });
    by(id).replaceChildren(...nodes);
    const sum = (list) => list.reduce((a, b) => a + b, 0);
    put(id + "-text", `${what} a minute: ${sum(series.count)} in all, ${sum(series.failed)} failed (red)`);
}

function drawTimes(id, what, series) {
    const known = series.p95_ms.filter((v) => v !== null);
    const most = roundUp(Math.max(1, ...known));
    const step = (right - left) / series.p95_ms.length;
    const nodes = axes(span(most));
    for (const [values, kind] of [[series.p95_ms, "slow"], [series.p50_ms, "median"]]) {
        let path = "";
        const there = (i) => (values[i] ?? null) !== null;
        values.forEach((v, i) => {
            if (v === null)
                return;
            const x = (left + (i + 0.5) * step).toFixed(1), y = (bottom - (bottom - top) * Math.min(v, most) / most).toFixed(1);
            path += `${there(i - 1) ? "L" : "M"}${x} ${y}`;
            if (!there(i - 1) && !there(i + 1)) // a minute on its own would be no line
                nodes.push(svg("circle", { class: `${kind} dot`, cx: x, cy: y, r: 4 }));
        });
        if (path)
            nodes.push(svg("path", { class: kind, d: path }));
    }
    by(id).replaceChildren(...nodes);
    put(id + "-text", known.length === 0 ? `${what}: none in this hour` :
        `${what}: half within the solid line, 95 % within the dashed one; at most ${span(Math.max(...known))}`);
}

function showCommands(list) {
    by("commands").hidden = list.length === 0;
    by("no-commands").hidden = list.length !== 0;
    by("command-rows").replaceChildren(...list.map((c) => {
        const row = element("tr");
        const when = element("td");
        const time = element("time", moment(c.at));
        time.dateTime = c.at;
        when.append(time);
        row.append(when, element("td", c.op), element("td", c.outcome, c.outcome === "ok" ? "" : "failed"),
            element("td", span(c.took_ms), "number"), element("td", String(c.attempts), "number"), element("td", c.id, "id"));
        return row;
    }));
}

async function ask(path) {
    const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(patience) });
    if (!answer.ok)
        throw new Error(`${path}: ${answer.status}`);
    return answer.json();
}

async function refresh() {
    if (asking)
        return;
    asking = true;
    clearTimeout(timer);
    try {
        const [status, history] = await Promise.all([ask("/api/status"), ask("/api/history")]);
        lastAnswer = new Date();
        document.body.classList.remove("stale");
        showStatus(status);
        showFindings(history.findings);
        drawCounts("commands-count", "Commands", history.commands);
        drawTimes("commands-time", "How long commands took", history.commands);
        drawCounts("requests-count", "Requests to Exchange", history.requests);
        drawTimes("requests-time", "How long requests to Exchange took", history.requests);
        showCommands(history.last_commands);
        put("updated", `As of ${lastAnswer.toLocaleTimeString()}; asked again every ${interval / 1000} s.`);
    } catch {
        const seen = lastAnswer ? ` What stands below is from ${lastAnswer.toLocaleTimeString()}.` : "";
        document.body.classList.add("stale");
        summary("error", `The agent does not answer: see systemctl status workestra-relay.${seen}`);
    }
    asking = false;
    if (!document.hidden)
        timer = setTimeout(refresh, interval);
}

document.addEventListener("visibilitychange", () => {
    if (!document.hidden)
        refresh();
});
refresh();
