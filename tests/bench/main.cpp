// The benchmark: the agent, a reverse proxy and a bare byte pipe in front of one exchange-sim, in turn, in one go.
// Prints a table and writes JSON. Figures are ratios within this run; targets that are missed are named, not hidden.
#include "agent/commands/meeting.hpp"
#include "agent/ews/ews_client.hpp"
#include "agent/exchange_access/identity.hpp"
#include "agent/protocol/codec.hpp"
#include "agent/store/writer/sqlite_queue_store.hpp"
#include "common/async/task_group.hpp"
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "tests/bench/https_pool.hpp"
#include "tests/bench/nginx.hpp"
#include "tests/bench/report.hpp"
#include "tests/support/relay_world.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/null_sink.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <thread>

namespace relay::bench {
namespace {

namespace json = boost::json;
using test::relay_world;

constexpr int rounds = 7;
constexpr int stored_results = 100'000;
constexpr std::string_view reader = "user1@corp.example";
constexpr std::string_view host = "host@corp.example";
const utc_time window_start = parse_rfc3339("2026-12-01T00:00:00Z").value();
const utc_time window_end = parse_rfc3339("2026-12-08T00:00:00Z").value();

json::object availability_params()
{
    return {{"mailboxes", json::array{json::string(reader)}},
            {"start", format_rfc3339(window_start)},
            {"end", format_rfc3339(window_end)}};
}

protocol::event_fields meeting()
{
    protocol::event_fields f;
    f.subject = "Interview";
    f.start = window_start + 9h;
    f.end = window_start + 10h;
    f.time_zone = "Europe/Berlin";
    f.body = protocol::event_body{protocol::body_format::html, "<p>We look forward to meeting you.</p>"};
    f.attendees.push_back(
        {mailbox_address::parse("user2@corp.example").value(), "", protocol::attendee_role::required});
    return f;
}

json::object create_params(std::string_view event_id)
{
    return {{"event_id", event_id},
            {"subject", "Interview"},
            {"start", format_rfc3339(window_start + 9h)},
            {"end", format_rfc3339(window_start + 10h)},
            {"time_zone", "Europe/Berlin"},
            {"body", {{"format", "html"}, {"content", "<p>We look forward to meeting you.</p>"}}},
            {"attendees", {{{"email", "user2@corp.example"}, {"role", "required"}}}}};
}

// Keeps what a request would have been: the byte pipe gets its SOAP ready made.
class recorder final : public http::transport {
public:
    task<http::outcome> perform(http::request r) override
    {
        last = std::move(r);
        co_return http::failed{errc::not_found, http::reached::nothing, "recorded only"};
    }
    http::request last;
};

template <class T>
T run_now(task<T> work)
{
    asio::io_context context(1);
    std::optional<T> value;
    asio::co_spawn(context, std::move(work), [&](std::exception_ptr e, T v) {
        if (e)
            std::rethrow_exception(e);
        value = std::move(v);
    });
    context.run();
    return std::move(*value);
}

task<bool> ask_availability(ews::ews_client& client)
{
    std::vector<mailbox_address> mailboxes{mailbox_address::parse(reader).value()};
    const auto got = co_await client.availability(std::move(mailboxes), window_start, window_end, 30s);
    co_return got.has_value() && got->front().has_value() && !(*got)[0]->empty();
}

task<bool> ask_create(ews::ews_client& client, std::string event_id)
{
    const auto mailbox = mailbox_address::parse(host).value();
    auto fields = commands::fields_for_create(meeting());
    ews::marks marks{event_id, event_id};
    auto uid = exchange_access::uid_for(event_id, event_id);
    const ews::write_bounds bounds{30s, steady_time::max()};
    const auto made = co_await client.create(mailbox, std::move(fields), std::move(marks), std::move(uid),
                                             protocol::notify::all, bounds);
    co_return made.has_value();
}

enum class work { availability, create };

std::string soap_of(work w)
{
    recorder to;
    real_time time;
    ews::ews_client client(to, time, {"localhost", "svc", {}});
    if (w == work::availability)
        run_now(ask_availability(client));
    else
        run_now(ask_create(client, "floor-${n}"));
    return to.last.body;
}

double percentile(std::vector<double>& sorted, double p)
{
    return sorted[std::min(sorted.size() - 1,
                           static_cast<std::size_t>(p * static_cast<double>(sorted.size())))];
}

class bench {
public:
    explicit bench(std::string json_file) : json_file_(std::move(json_file)) {}

    int run()
    {
        say("starting exchange-sim, two cloud-sims, the agent, nginx and the byte pipe");
        start();
        contest_of("free/busy, 1 outstanding", work::availability, 1, 1500);
        contest_of("free/busy, 64 outstanding", work::availability, 64, 6000);
        contest_of("create, 1 outstanding", work::create, 1, 400);
        contest_of("create, 64 outstanding", work::create, 64, 2000);
        report_.facts["agent resident loaded, MiB"] = mib(world_->agent().resident_bytes());
        world_->stop_agent();
        pipe_.reset();
        starts();
        drain();
        targets();
        fmt::print("{}", report_.table());
        std::ofstream(json_file_) << json::serialize(report_.json()) << '\n';
        fmt::print("\nWritten to {}\n", json_file_);
        return 0;
    }

private:
    static void say(std::string_view what) { fmt::print(stderr, "bench: {}\n", what); }

    static double mib(std::size_t bytes)
    {
        return std::round(static_cast<double>(bytes) / 1048576 * 10) / 10;
    }

    void start()
    {
        const auto pki = test::development_pki();
        test::world_options o;
        o.config = {{"exchange.timeout_s", "30"}, {"log.level", "'info'"}, {"queue.max_commands", "1000000"}};
        // Each of the three is measured by what it can do, not by what Exchange would let it.
        o.exchange_arguments = {"--journal", (journal_.path() / "exchange.journal").string(),
                                "--max-concurrency", "0"};
        world_ = std::make_unique<relay_world>(std::move(o));
        std::this_thread::sleep_for(1s);
        report_.facts["agent resident idle, MiB"] = mib(world_->agent().resident_bytes());
        for (int d = 0; d < 5; ++d)
            world_->exchange().post("/mailboxes/" + std::string(reader) + "/items",
                                    {{"subject", "Meeting"},
                                     {"start", format_rfc3339(window_start + d * 24h + 9h)},
                                     {"end", format_rfc3339(window_start + d * 24h + 10h)},
                                     {"busy", "Busy"}});

        nginx_ = std::make_unique<nginx>(world_->ews_url(), pki);
        const auto authorization =
            "Basic " + to_base64("CORP\\workestra-svc:" + first_line(world_->folder() / "exchange.password"));
        pool_settings proxied;
        proxied.port = nginx_->port();
        proxied.ca_file = (pki / "corp-ca.crt").string();
        proxied.authorization = authorization;
        pool_ = std::make_unique<https_pool>(context_.get_executor(), proxied);
        client_ =
            std::make_unique<ews::ews_client>(*pool_, time_, ews::client_settings{"localhost", "svc", {}});

        floor_cloud_.emplace(test::cloud_sim_program(),
                             test::process::options{
                                 .arguments = {"serve", "--certificate", (pki / "cloud-server.crt").string(),
                                               "--key", (pki / "cloud-server.key").string(), "--client-ca",
                                               (pki / "cloud-ca.crt").string(), "--store",
                                               (journal_.path() / "floor.db").string()},
                                 .environment = {},
                                 .standard_error = journal_.path() / "floor.log",
                                 .folder = {}});
        const auto ready = floor_cloud_->ready();
        floor_control_ = std::make_unique<test::control>(std::string(ready.at("control").as_string()));
        const auto port_begin = world_->ews_url().rfind(':') + 1;
        const auto port =
            world_->ews_url().substr(port_begin, world_->ews_url().find('/', port_begin) - port_begin);
        pipe_.emplace(test::fs::path(RELAY_BYTE_PIPE),
                      test::process::options{.arguments = {std::string(ready.at("url").as_string()),
                                                           (pki / "agent-2.crt").string(),
                                                           (pki / "agent-2.key").string(),
                                                           (pki / "cloud-ca.crt").string(), port,
                                                           (pki / "corp-ca.crt").string(), authorization},
                                             .environment = {},
                                             .standard_error = journal_.path() / "pipe.log",
                                             .folder = {}});
        if (!test::eventually([&] { return !floor_control_->get("/agents").as_array().empty(); }))
            throw std::runtime_error("the byte pipe did not connect");
    }

    static std::string first_line(const test::fs::path& file)
    {
        std::ifstream in(file);
        std::string line;
        std::getline(in, line);
        return line;
    }

    void contest_of(std::string name, work w, int outstanding, int total)
    {
        say(name);
        contest c{std::move(name), {}, {}, {}};
        for (int round = 0; round <= rounds; ++round) { // the first one warms up
            const auto a = agent_round(w, outstanding, total);
            const auto b = proxy_round(w, outstanding, total);
            const auto f = floor_round(w, outstanding, total);
            if (round == 0)
                continue;
            c.agent.push_back(a);
            c.proxy.push_back(b);
            c.floor.push_back(f);
        }
        report_.contests.push_back(std::move(c));
    }

    static sample sample_of(const json::value& v, int total)
    {
        if (v.at("completed").to_number<int>() != total || v.at("failed").to_number<int>() != 0)
            throw std::runtime_error("not every command succeeded: " + json::serialize(v));
        return {v.at("p50_us").to_number<double>(), v.at("p99_us").to_number<double>(),
                v.at("per_second").to_number<double>(), 0};
    }

    std::string prefix(std::string_view who) { return fmt::format("{}-{}-", who, ++batches_); }

    sample agent_round(work w, int outstanding, int total)
    {
        json::object ask{{"total", total}, {"outstanding", outstanding}, {"timeout_ms", 120'000}};
        if (w == work::availability) {
            ask["op"] = "availability.get";
            ask["params"] = availability_params();
        } else {
            ask["op"] = "event.create";
            ask["mailbox"] = host;
            ask["params"] = create_params(prefix("agent") + "${n}");
        }
        const auto before = world_->agent().cpu_time();
        auto s = sample_of(world_->cloud().post("/bench", ask), total);
        s.cpu_us = static_cast<double>((world_->agent().cpu_time() - before).count()) / total;
        return s;
    }

    sample floor_round(work w, int outstanding, int total)
    {
        auto soap = soap_of(w);
        const auto own = prefix("floor");
        for (auto at = soap.find("floor-"); at != soap.npos; at = soap.find("floor-", at + own.size()))
            soap.replace(at, 6, own);
        const json::object ask{{"op", "bytes"},
                               {"params", {{"soap", soap}}},
                               {"total", total},
                               {"outstanding", outstanding},
                               {"timeout_ms", 120'000}};
        const auto before = pipe_->cpu_time();
        auto s = sample_of(floor_control_->post("/bench", ask), total);
        s.cpu_us = static_cast<double>((pipe_->cpu_time() - before).count()) / total;
        return s;
    }

    task<void> ask_proxy(work w, int& left, int& failed, std::vector<double>& took, const std::string& own)
    {
        while (left > 0) {
            const int n = left--;
            const auto start = std::chrono::steady_clock::now();
            const bool ok = w == work::availability ? co_await ask_availability(*client_)
                                                    : co_await ask_create(*client_, own + std::to_string(n));
            took.push_back(
                std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
            failed += ok ? 0 : 1;
        }
    }

    sample proxy_round(work w, int outstanding, int total)
    {
        int left = total, failed = 0;
        std::vector<double> took;
        took.reserve(static_cast<std::size_t>(total));
        const auto own = prefix("proxy");
        const auto start = std::chrono::steady_clock::now();
        std::exception_ptr trouble;
        for (int i = 0; i < outstanding; ++i)
            asio::co_spawn(context_, ask_proxy(w, left, failed, took, own), [&](std::exception_ptr e) {
                if (e)
                    trouble = e;
            });
        context_.restart();
        context_.run();
        if (trouble)
            std::rethrow_exception(trouble);
        if (failed > 0)
            throw std::runtime_error(fmt::format("{} calls through nginx failed", failed));
        const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        std::ranges::sort(took);
        return {percentile(took, 0.5), percentile(took, 0.99), total / seconds, 0};
    }

    // From exec to the session the cloud sees, on a queue that exists already.
    void starts()
    {
        say("start to connected");
        std::vector<double> took;
        for (int i = 0; i < 9; ++i) {
            const auto before = std::chrono::system_clock::now();
            world_->start_agent();
            world_->wait_connected();
            const auto agents = world_->cloud().get("/agents");
            const auto since = parse_rfc3339(agents.as_array().at(0).at("since").as_string()).value();
            took.push_back(std::chrono::duration<double, std::milli>(since - before).count());
            world_->stop_agent();
        }
        start_ms_ = median(took);
        report_.facts["start to connected, ms"] = std::round(start_ms_ * 10) / 10;
    }

    task<void> fill(store::queue_store& queue)
    {
        task_group writers(co_await asio::this_coro::executor);
        int next = 0;
        for (int i = 0; i < 256; ++i)
            writers.spawn(fill_part(queue, next));
        co_await writers.join();
    }

    task<void> fill_part(store::queue_store& queue, int& next)
    {
        while (next < stored_results) {
            const int n = next++;
            protocol::command c;
            c.id = fmt::format("drain-{}", n);
            c.op = "event.cancel";
            c.mailbox = host;
            store::new_command received{c, "fingerprint", "", time_.utc_now(), 1h};
            const auto admitted = co_await queue.admit(std::move(received));
            protocol::result r{c.id, json::object{{"event_id", c.id}, {"existed", false}}, 1,
                               milliseconds{5}};
            auto body = protocol::encode(r);
            const store::write_end end{time_.utc_now()};
            const auto finished = co_await queue.finish(c.id, std::move(body), end);
            if (admitted.has_error() || finished.has_error())
                throw std::runtime_error("the queue could not be filled");
        }
    }

    // 100,000 results that a day without a link left in the queue.
    void drain()
    {
        say("storing 100,000 results");
        sequence_ = 0;
        {
            spdlog::logger quiet("bench", std::make_shared<spdlog::sinks::null_sink_mt>());
            auto queue = store::sqlite_queue_store::open(
                {world_->data_folder(), 1'000'000, store::sqlite_queue_store::threading::own_thread, {}},
                quiet);
            if (queue.has_error())
                throw std::runtime_error("the queue: " + queue.error().message());
            context_.restart();
            std::exception_ptr trouble;
            asio::co_spawn(context_, fill(**queue), [&](std::exception_ptr e) { trouble = e; });
            context_.run();
            if (trouble)
                std::rethrow_exception(trouble);
            context_.restart();
            asio::co_spawn(context_, (*queue)->who(), [&](std::exception_ptr, result<store::identity> who) {
                sequence_ = who->next_seq - 1;
            });
            context_.run();
        }
        say("delivering them");
        world_->start_agent();
        world_->wait_connected();
        const auto done =
            world_->cloud().post("/bench/drain-wait", {{"until_seq", sequence_}, {"timeout_ms", 60'000}});
        drain_ms_ = done.at("elapsed_ms").to_number<double>();
        report_.facts["100,000 stored results delivered, ms"] = std::round(drain_ms_);
        report_.facts["agent resident after delivering, MiB"] = mib(world_->agent().resident_bytes());
        world_->stop_agent();
    }

    void targets()
    {
        const auto& one = report_.contests[0];
        const auto& many = report_.contests[1];
        const auto& create = report_.contests[2];
        report_.targets = {
            {"free/busy p50, agent / proxy", ratio(one.agent, one.proxy, &sample::p50_us), 1.1},
            {"free/busy p50, agent / floor", ratio(one.agent, one.floor, &sample::p50_us), 1.3},
            {"free/busy throughput (64), agent / proxy", ratio(many.agent, many.proxy, &sample::per_second),
             1.0, true},
            {"create p50, agent / proxy", ratio(create.agent, create.proxy, &sample::p50_us), 1.5},
            {"agent resident idle, MiB", report_.facts["agent resident idle, MiB"].to_number<double>(), 15},
            {"start to connected, ms", start_ms_, 100},
            {"100,000 stored results delivered, s", drain_ms_ / 1000, 4},
        };
    }

    std::string json_file_;
    report report_;
    test::temporary_folder journal_;
    real_time time_;
    asio::io_context context_{1};
    std::unique_ptr<relay_world> world_;
    std::unique_ptr<nginx> nginx_;
    std::unique_ptr<https_pool> pool_;
    std::unique_ptr<ews::ews_client> client_;
    std::optional<test::process> floor_cloud_, pipe_;
    std::unique_ptr<test::control> floor_control_;
    int batches_ = 0;
    protocol::sequence sequence_ = 0;
    double start_ms_ = 0, drain_ms_ = 0;
};

} // namespace
} // namespace relay::bench

int main(int argc, char** argv)
{
    std::string report = "bench.json";
    CLI::App app("Measures the agent against nginx and a bare byte pipe, all on one stand-in Exchange.");
    app.add_option("report", report, "the JSON file to write")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        return relay::bench::bench(report).run();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench: %s\n", e.what());
        return 1;
    }
}
