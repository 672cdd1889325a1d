// A start into a machine that is not ready: no names, no route, no Exchange, no cloud, a wrong clock. The agent starts all the
// same, says once what is wrong, tells it in its status, and mends itself when the trouble is over.
#include "tests/integration/status_page.hpp"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <thread>

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;

constexpr auto outage_length = 6s; // several attempts of everything

// The log as it ships: what it says at level info is what an operator reads.
struct bad_boot : scenario {
    bad_boot()
        : scenario({.config = {{"status.listen", "'127.0.0.1:0'"}, {"log.level", "'info'"}},
                    .exchange_arguments = {},
                    .cloud_arguments = {},
                    .environment = {},
                    .start_agent = false})
    {
    }

    int lines_with(std::string_view text) const
    {
        int count = 0;
        const auto log = agent_log();
        for (auto at = log.find(text); at != log.npos; at = log.find(text, at + text.size()))
            ++count;
        return count;
    }
    int lines() const { return lines_with("\n"); }

    // While it lasts: the process works and knows what is wrong.
    void check_cut_off(std::string_view why)
    {
        const page p(*this);
        const std::string reason(why);
        INFO(agent_log());
        CHECK(
            eventually([&] { return text_at(p.status(), "/link/last_error").find(reason) != reason.npos; }));
        std::this_thread::sleep_for(outage_length);
        const auto d = p.status();
        CHECK(text_at(d, "/link/state") != "connected");
        CHECK_THAT(text_at(d, "/link/last_error"), Contains(reason));
        CHECK(p.ask("/healthz").status == 200);
        const auto ready = p.ask("/readyz");
        CHECK(ready.status == 503);
        CHECK_THAT(ready.body, Contains(reason));
        CHECK(p.metric("workestra_relay_link_up") == 0);
        INFO(agent_log());
        CHECK(lines_with("no link to the cloud") == 1);
        CHECK(lines_with(reason) <= 4); // the cloud, Exchange and the renewal may each say it once
        CHECK(lines() < 12);
        CHECK(agent().running());
    }

    void check_healed()
    {
        wait_connected(60s);
        const page p(*this);
        INFO(agent_log());
        CHECK(text_at(p.status(), "/link/state") == "connected");
        CHECK(outcome(call("event.create", host, booking("b-1"))) == "ok");
        CHECK(eventually([&] { return p.ready(); }));
        CHECK(lines_with(" session ") == 1);
        CHECK(lines() < 20);
        CHECK(stop_agent() == 0);
    }
};

struct broken_network : bad_boot {
    broken_network() { be("names"); }

    void be(std::string_view what) const { std::ofstream(file(), std::ios::trunc) << what << std::flush; }
    void start()
    {
        auto environment = preloaded(RELAY_BROKEN_NETWORK);
        environment["RELAY_BROKEN_NETWORK"] = file().string();
        start_agent(environment);
    }

private:
    fs::path file() const { return folder() / "network"; }
};

#ifdef RELAY_SHIFTED_CLOCK
struct wrong_clock : bad_boot {
    void set_clock(std::chrono::nanoseconds shift) const
    {
        const auto file = folder() / "clock";
        std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out); // in place: it is mapped
        if (!out)
            out.open(file, std::ios::binary | std::ios::out);
        const std::int64_t bytes = shift.count();
        out.write(reinterpret_cast<const char*>(&bytes), sizeof bytes);
        REQUIRE(out.flush());
    }
    void start()
    {
        auto environment = preloaded(RELAY_SHIFTED_CLOCK);
        environment["RELAY_CLOCK_SHIFT"] = (folder() / "clock").string();
        start_agent(environment);
    }
};
#endif

} // namespace

TEST_CASE("an agent that starts before names can be looked up waits for them", "[integration]")
{
    broken_network w;
    w.start();
    w.check_cut_off("cannot be resolved");
    w.be("well");
    w.check_healed();
}

TEST_CASE("an agent that starts before there is a route waits for one", "[integration]")
{
    broken_network w;
    w.be("route");
    w.start();
    w.check_cut_off("unreachable");
    w.be("well");
    w.check_healed();
}

TEST_CASE("an agent that starts while nobody listens at the cloud's address waits for somebody",
          "[integration]")
{
    bad_boot w;
    w.stop_cloud();
    w.start_agent();
    w.check_cut_off("refused");
    w.start_cloud();
    w.check_healed();
}

TEST_CASE("an agent that starts while Exchange is down connects, takes bookings and carries them out later",
          "[integration]")
{
    bad_boot w;
    w.faults({fault("*", "before", "reset", {}, 0)});
    w.start_agent();
    w.wait_connected();
    const page p(w);
    CHECK(eventually([&] { return text_at(p.status(), "/exchange/state") == "unreachable"; }));
    const auto id = w.send("event.create", host, booking("b-0"));
    REQUIRE(w.accepted(id));
    std::this_thread::sleep_for(outage_length);
    const auto ready = p.ask("/readyz");
    CHECK(ready.status == 503);
    CHECK_THAT(ready.body, Catch::StartsWith("not ready: Exchange is unreachable"));
    CHECK(p.metric("workestra_relay_exchange_up") == 0);
    CHECK(p.metric("workestra_relay_link_up") == 1);
    INFO(w.agent_log());
    CHECK(w.lines_with("writes wait") == 1);
    CHECK(w.lines() < 12);

    w.faults({});
    CHECK(outcome(w.result(id, 60s)) == "ok");
    CHECK(w.lines_with("answers again") == 1);
    w.check_healed();
    CHECK(w.ledger().creates == 2);
}

#ifdef RELAY_SHIFTED_CLOCK
TEST_CASE("an agent whose clock is behind or ahead at the start says so, and works once the clock is set",
          "[integration]")
{
    wrong_clock w;
    const bool behind = GENERATE(true, false);
    w.set_clock(behind ? -std::chrono::hours(24 * 365) : std::chrono::hours(24 * 365 * 5));
    w.start();
    w.check_cut_off("clock");
    w.set_clock(std::chrono::nanoseconds(0));
    w.check_healed();
}
#endif
