// The status page in a real browser, served by the real agent: what it says in good and bad times, that it follows by
// itself, that it can be used without a mouse and without eyes, and that it asks nobody but the agent.
// Screenshots of each state go to a folder, for a person to look at.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { World } from "./world.mjs";

const { RELAY_PROGRAM, RELAY_EXCHANGE_SIM, RELAY_CLOUD_SIM, RELAY_MAKE_PKI, RELAY_CHROMIUM, RELAY_NODE_MODULES,
    RELAY_SCREENSHOTS } = process.env;
const require = createRequire(join(RELAY_NODE_MODULES, "here.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const patience = 60000;
const refreshed = 5000; // how often the page asks
const views = {
    light: { colorScheme: "light", viewport: { width: 1200, height: 900 } },
    dark: { colorScheme: "dark", viewport: { width: 1200, height: 900 } },
    phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
    "phone-dark": { colorScheme: "dark", viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

const world = new World({ agent: RELAY_PROGRAM, exchange: RELAY_EXCHANGE_SIM, cloud: RELAY_CLOUD_SIM, makePki: RELAY_MAKE_PKI });
let browser;
const pages = {};
const complaints = []; // of the console, of the page's policy, of requests to elsewhere
let agentIsGone = false;

function watch(name, page) {
    const complain = (what) => complaints.push(`${name}: ${what}`);
    page.on("console", (m) => {
        const expected = agentIsGone && m.text().includes("net::ERR_");
        if (["error", "warning"].includes(m.type()) && !expected)
            complain(`console: ${m.text()}`);
    });
    page.on("pageerror", (e) => complain(`uncaught: ${e}`));
    page.on("request", (r) => {
        if (!r.url().startsWith(world.page + "/"))
            complain(`asks ${r.url()}`);
        if (r.method() !== "GET")
            complain(`sends ${r.method()} ${r.url()}`);
    });
}

async function open(name, view) {
    const context = await browser.newContext({ ...view, locale: "en-GB", timezoneId: "UTC" });
    const page = await context.newPage();
    watch(name, page);
    await page.addInitScript(() => {
        globalThis.violated = [];
        document.addEventListener("securitypolicyviolation", (e) => globalThis.violated.push(`${e.violatedDirective} ${e.blockedURI}`));
    });
    await page.goto(world.page + "/");
    await page.evaluate(() => { globalThis.neverReloaded = true; });
    return page;
}

// A locator's text, once it is what `wanted` says.
async function becomes(locator, wanted) {
    await locator.filter({ hasText: wanted }).waitFor({ timeout: patience });
}

// In every view: the sentence at the top, then the marks of the state; a picture; nothing out of order.
async function shows(state, summary, more) {
    for (const [name, page] of Object.entries(pages)) {
        await becomes(page.getByRole("status"), summary);
        await more(page);
        await page.evaluate(() => globalThis.scrollTo(0, 0));
        await page.screenshot({ path: join(RELAY_SCREENSHOTS, `${state}-${name}.png`), fullPage: true });
        await sound(`${state} ${name}`, page);
    }
}

async function sound(where, page) {
    const seen = await page.evaluate(() => ({
        reloaded: globalThis.neverReloaded !== true,
        violated: globalThis.violated,
        wide: document.documentElement.scrollWidth > globalThis.innerWidth,
        empty: [...document.querySelectorAll("h2, h3, dt, dd, th, .state")].filter((e) => e.checkVisibility() && !e.textContent.trim()).length,
    }));
    assert.deepEqual(seen, { reloaded: false, violated: [], wide: false, empty: 0 }, where);
    // Of its own world, so that the page's policy has no say in it.
    const found = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ["violations"] })`);
    assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`), [], where);
    assert.deepEqual(complaints, [], where);
}

const card = (page, name) => page.getByRole("article").filter({ has: page.getByRole("heading", { name, exact: true }) });

before(async () => {
    mkdirSync(RELAY_SCREENSHOTS, { recursive: true });
    await world.start();
    await world.startAgent();
    await world.until("connected", (s) => s.link.state === "connected");
    browser = await chromium.launch({
        executablePath: RELAY_CHROMIUM, headless: true, chromiumSandbox: false,
        env: { ...process.env, HOME: world.folder },
        args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"],
    });
    for (const [name, view] of Object.entries(views))
        pages[name] = await open(name, view);
}, { timeout: 120000 });

after(async () => {
    await browser?.close();
    await world.end();
});

test("connected: all is well, and what was done is listed and drawn", async () => {
    const booking = (id) => ({ event_id: id, subject: "Viewing", start: "2030-12-01T09:00:00Z", end: "2030-12-01T09:30:00Z",
        attendees: [{ email: "guest@elsewhere.example" }] });
    assert.equal(await world.call("connection.test", "", {}), "ok");
    for (let i = 0; i < 12; ++i)
        assert.equal(await world.call("event.create", "user1@corp.example", booking(`b-${i}`), { id: `cmd-${i}` }), "ok");
    assert.equal(await world.call("event.create", "user1@corp.example", booking("b-1")), "conflict");
    assert.equal(await world.call("availability.get", "", { mailboxes: ["user1@corp.example"],
        start: "2030-12-01T00:00:00Z", end: "2030-12-02T00:00:00Z" }), "ok");
    assert.equal(await world.call("event.get", "user1@corp.example",
        { event_id: "b-2" }, { id: "an-id-of-sixty-four-characters-which-is-as-long-as-they-may-get0" }), "ok");

    await shows("connected", "All is well", async (page) => {
        await becomes(card(page, "Cloud"), "Connected");
        await becomes(card(page, "Exchange"), "Answers");
        await becomes(card(page, "Certificate"), /\d+ days left/);
        await becomes(page.getByRole("table"), "conflict");
        await page.getByRole("img", { name: /Commands a minute: 16 in all, 1 failed/ }).waitFor({ timeout: patience });
        assert.equal(await page.title(), "Workestra Relay");
        assert.equal(await page.locator("#wrong").isVisible(), false);
    });
});

test("a screen reader finds landmarks, headings and names, and is told of changes alone", async () => {
    const page = pages.light;
    for (const role of ["banner", "main", "contentinfo", "status"])
        assert.equal(await page.getByRole(role).count(), 1, role);
    assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1);
    for (const name of ["Now", "The last hour", "The last commands"])
        assert.equal(await page.getByRole("region", { name, exact: true }).first().isVisible(), true, name);
    for (const name of ["Cloud", "Exchange", "Queue", "Certificate"])
        assert.equal(await page.getByRole("heading", { level: 3, name, exact: true }).count(), 1, name);
    assert.equal(await page.getByRole("img").count(), 4);
    assert.deepEqual(await page.getByRole("columnheader").allTextContents(),
        ["Ended", "Operation", "Outcome", "Took", "Tries", "Command id"]);
    assert.equal(await page.getByRole("status").getAttribute("aria-live"), "polite");

    // Two rounds of asking in which nothing happens: the live region says nothing.
    const told = await page.evaluate((ms) => new Promise((done) => {
        let changes = 0;
        const watching = new MutationObserver((list) => { changes += list.length; });
        for (const live of document.querySelectorAll("[aria-live], [role=status], [role=alert]"))
            watching.observe(live, { childList: true, characterData: true, subtree: true });
        setTimeout(() => done(changes), ms);
    }), 2.5 * refreshed);
    assert.equal(told, 0);
});

test("the keyboard reaches everything, and what has the focus is seen and keeps it", async () => {
    const page = pages.phone;
    const stops = [];
    for (let i = 0; i < 12; ++i) {
        await page.keyboard.press("Tab");
        const stop = await page.evaluate(() => {
            const e = document.activeElement;
            if (e === document.body)
                return null;
            const style = getComputedStyle(e);
            return { name: e.getAttribute("aria-labelledby") ?? e.textContent, seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
        });
        if (!stop)
            break;
        stops.push(stop);
    }
    assert.deepEqual(stops.map((s) => s.name),
        ["commands-title", "Status as JSON", "Metrics for Prometheus", "Readiness"]);
    assert.equal(stops.every((s) => s.seen), true);

    const commands = page.locator(".scroll");
    await commands.focus();
    await page.keyboard.press("ArrowRight"); // the table is wider than a phone
    await page.waitForFunction(() => document.querySelector(".scroll").scrollLeft > 0);
    const before = await page.locator("#updated").textContent();
    await page.waitForFunction((text) => document.getElementById("updated").textContent !== text, before);
    assert.equal(await commands.evaluate((e) => e === document.activeElement && e.scrollLeft > 0), true);
    await commands.evaluate((e) => { e.scrollLeft = 0; e.blur(); });
});

test("Exchange down: the page says so, since when and what to do, and when it is over", async () => {
    await world.faults([{ operation: "*", when: "before", action: "reset", count: 0 }]);
    assert.notEqual(await world.call("connection.test", "", {}, { ttl_ms: 1500 }), "ok");
    await shows("exchange-down", "Exchange does not answer since", async (page) => {
        await becomes(card(page, "Exchange"), "Does not answer");
        await becomes(card(page, "Cloud"), "Connected");
        await becomes(page.getByRole("region", { name: "What is wrong, and what to do" }), "check exchange.url");
        assert.equal(await page.title(), "(!) Workestra Relay");
    });
    await world.faults([]);
    assert.equal(await world.call("connection.test", "", {}), "ok");
    await becomes(pages.light.getByRole("status"), "All is well");
});

test("disconnected: the page says so, and when it is over", async () => {
    await world.cloud.stop();
    await world.until("the link is lost", (s) => s.link.state === "backoff");
    await shows("disconnected", "There is no link to the cloud", async (page) => {
        await becomes(card(page, "Exchange"), "Answers");
        await becomes(page.getByRole("region", { name: "What is wrong, and what to do" }), "The agent tries again by itself");
    });
    await world.startCloud();
    await world.until("connected again", (s) => s.link.state === "connected");
    await becomes(pages.light.getByRole("status"), "All is well");
});

test("while the agent is off the page says that what stands there is old, and it takes up again by itself", async () => {
    agentIsGone = true;
    assert.equal(await world.agent.stop(), 0);
    await shows("agent-off", "The agent does not answer", async (page) => {
        await becomes(page.getByRole("status"), "What stands below is from");
    });
});

test("certificate near its end: the page says until when, and what to do", async () => {
    await world.startAgent("agent-renewal-due");
    await world.until("connected", (s) => s.link.state === "connected" && s.certificate.overdue);
    await world.call("connection.test", "", {});
    await becomes(pages.light.getByRole("status"), "The client certificate expires on");
    agentIsGone = false;
    await shows("certificate", "The client certificate expires on", async (page) => {
        await becomes(card(page, "Certificate"), /(1 day|Less than a day) left/);
        await becomes(page.getByRole("region", { name: "What is wrong, and what to do" }), "workestra-relay enroll");
    });
});

test("without JavaScript the page says where else to look", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(world.page + "/");
    assert.match(await page.locator("noscript").innerText(), /workestra-relay status/);
    await context.close();
});
