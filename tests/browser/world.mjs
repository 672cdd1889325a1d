// The real agent between exchange-sim and cloud-sim, as tests/support/relay_world.hpp makes it, for tests in JavaScript.
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const account = "CORP\\workestra-svc";
const password = "s3cret & pfel";

async function freePort() {
    const server = createServer();
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    return port;
}

// A program that is gone when this process is gone, whatever ends it. Its standard output is JSON lines.
class Program {
    constructor(program, args, log) {
        this.process = spawn("setpriv", ["--pdeathsig", "KILL", program, ...args],
            { stdio: ["ignore", "pipe", openSync(log, "a")] });
        this.ended = new Promise((done) => this.process.once("exit", (code, signal) => done(code ?? signal)));
        this.firstLine = new Promise((done, failed) => {
            let text = "";
            this.process.stdout.on("data", (data) => {
                text += data;
                if (text.includes("\n"))
                    done(text.slice(0, text.indexOf("\n")));
            });
            this.process.once("exit", () => failed(new Error(`${program} ended; see ${log}`)));
        });
        this.firstLine.catch(() => {}); // the agent says nothing there
    }

    async ready() {
        return JSON.parse(await this.firstLine);
    }

    async stop(signal = "SIGTERM") {
        this.process.kill(signal);
        return this.ended;
    }
}

export async function eventually(what, condition, limit = 60000) {
    const until = Date.now() + limit;
    for (;;) {
        const value = await condition();
        if (value)
            return value;
        if (Date.now() > until)
            throw new Error(`not in time: ${what}`);
        await sleep(50);
    }
}

export class World {
    // `programs`: {agent, exchange, cloud, makePki} with the paths of this build.
    constructor(programs) {
        this.programs = programs;
        this.folder = mkdtempSync(join(tmpdir(), "relay-browser-"));
    }

    path(...names) {
        return join(this.folder, ...names);
    }

    async start() {
        const pki = this.path("pki");
        const maker = new Program(this.programs.makePki, [pki], this.path("pki.log"));
        if (await maker.ended !== 0)
            throw new Error("make-dev-pki.sh failed");
        this.exchange = new Program(this.programs.exchange, ["--certificate", join(pki, "exchange-server.crt"),
            "--key", join(pki, "exchange-server.key"), "--account", account, "--password", password,
            "--account-email", "svc@corp.example", "--domain", "corp.example", "--mailboxes", "9"],
            this.path("exchange-sim.log"));
        this.exchangeReady = await this.exchange.ready();
        this.cloudListen = "127.0.0.1:0";
        await this.startCloud();
        writeFileSync(this.path("exchange.password"), password + "\n", { mode: 0o600 });
        mkdirSync(this.path("data"));
        this.port = await freePort();
        this.page = `http://127.0.0.1:${this.port}`;
    }

    // Without the authority's key: it enrols and renews nobody.
    async startCloud() {
        const pki = this.path("pki");
        this.cloud = new Program(this.programs.cloud, ["serve", "--certificate", join(pki, "cloud-server.crt"),
            "--key", join(pki, "cloud-server.key"), "--client-ca", join(pki, "cloud-ca.crt"),
            "--store", this.path("cloud.db"), "--listen", this.cloudListen], this.path("cloud-sim.log"));
        this.cloudReady = await this.cloud.ready();
        this.cloudListen = `127.0.0.1:${new URL(this.cloudReady.url).port}`;
    }

    // `identity`: a certificate of the development PKI, see certs/README.md.
    async startAgent(identity = "agent") {
        const own = (name, from) => {
            copyFileSync(this.path("pki", from), this.path(name)); // a renewal would write in its place
            return `'${this.path(name)}'`;
        };
        writeFileSync(this.path("agent.toml"), `
[agent]
name = "hq-1"
data_dir = '${this.path("data")}'
drain_timeout_s = 1
[cloud]
url = "${this.cloudReady.url}"
certificate_file = ${own("agent.crt", `${identity}.crt`)}
private_key_file = ${own("agent.key", `${identity}.key`)}
ca_file = '${this.path("pki", "cloud-ca.crt")}'
[exchange]
url = "${this.exchangeReady.ews}"
auth = "basic"
username = '${account}'
password_file = '${this.path("exchange.password")}'
ca_file = '${this.path("pki", "corp-ca.crt")}'
settle_s = 2
timeout_s = 5
[status]
listen = "127.0.0.1:${this.port}"
`, { mode: 0o600 });
        this.agent = new Program(this.programs.agent, ["run", "--config", this.path("agent.toml")],
            this.path("agent.log"));
        await eventually("the agent serves its page", () => this.get("/healthz").then(() => true, () => false));
    }

    async get(path) {
        const answer = await fetch(this.page + path);
        return { status: answer.status, text: await answer.text() };
    }

    async status() {
        return JSON.parse((await this.get("/api/status")).text);
    }

    async until(what, condition) {
        let last;
        await eventually(what, async () => condition(last = await this.status())).catch((e) => {
            throw new Error(`${e.message}; the status is ${JSON.stringify(last)} and the log ends:\n${this.log().slice(-3000)}`);
        });
    }

    async control(of, method, path, body) {
        const answer = await fetch(of.control + path, { method, body: JSON.stringify(body) });
        if (!answer.ok)
            throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
        return answer.json().catch(() => null);
    }

    faults(plan) {
        return this.control(this.exchangeReady, "PUT", "/faults", plan);
    }

    // The code of its result, "ok" where it has none.
    async call(op, mailbox, params, more = {}) {
        const command = { op, params, ...(mailbox ? { mailbox } : {}), ...more };
        const record = await this.control(this.cloudReady, "POST", "/commands?wait_ms=30000", command);
        return record.result.ok ? "ok" : record.result.error.code;
    }

    log() {
        return readFileSync(this.path("agent.log"), "utf8");
    }

    async end() {
        await Promise.all([this.agent, this.exchange, this.cloud].map((p) => p?.stop("SIGKILL")));
        rmSync(this.folder, { recursive: true, force: true });
    }
}
