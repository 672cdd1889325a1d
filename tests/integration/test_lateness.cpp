// Nothing leaves after its time, whatever held the agent up: a disk that hangs, a process or a machine that stands still.
#include "tests/integration/scenario.hpp"

#include <array>
#include <csignal>
#include <fstream>
#include <thread>

using namespace relay::test;

#if defined(RELAY_SHIFTED_CLOCK) && defined(RELAY_SLOW_DISK)
namespace {

constexpr auto ttl = 4s, settle = 2s;

world_options settling_soon()
{
    world_options o;
    o.config = {{"exchange.settle_s", "2"}};
    o.start_agent = false;
    return o;
}

// Another agent of another cloud, on the Exchange of `w`.
world_options beside(relay_world& w)
{
    world_options o;
    o.config = {{"exchange.settle_s", "2"}, {"exchange.url", "'" + w.ews_url() + "'"}};
    return o;
}

json::object within_ttl(std::string_view id)
{
    return {{"id", id}, {"ttl_ms", std::chrono::milliseconds(ttl * slowness()).count()}};
}

json::object given_on(std::string_view id)
{
    return {{"id", id}, {"redelivered", true}};
}

std::string log_lines_with(const relay_world& w, std::string_view words)
{
    std::istringstream in(w.agent_log());
    std::string all;
    for (std::string line; std::getline(in, line);)
        if (line.find(words) != line.npos)
            all += line + '\n';
    return all;
}

struct slow_disk : scenario {
    slow_disk() : scenario(settling_soon())
    {
        be("");
        auto environment = preloaded(RELAY_SLOW_DISK);
        environment["RELAY_SLOW_DISK"] = file().string();
        start_agent(environment);
        wait_connected();
        REQUIRE(outcome(call("event.create", host, booking("b-0"))) ==
                "ok"); // nothing of the start is left to do
    }
    // The sync after `passed` others hangs from now on, until be("").
    void hang_after(int passed) const { be("hold " + std::to_string(passed)); }
    void be(const std::string& what) const
    {
        std::ofstream(file().string() + ".new", std::ios::trunc) << what << std::flush;
        fs::rename(file().string() + ".new", file());
    }
    bool hangs() const { return fs::exists(file().string() + ".held"); }

private:
    fs::path file() const { return folder() / "disk"; }
};

} // namespace

TEST_CASE("a request whose begin hung on the disk past its time does not leave, as another agent has carried "
          "it out",
          "[integration][lateness]")
{
    const auto frozen = GENERATE(false, true);
    slow_disk w;
    w.hang_after(1); // the command is stored, its try is not begun
    const auto id = w.send("event.create", host, booking("b-1"), within_ttl("c-1"));
    REQUIRE(w.accepted(id));
    REQUIRE(eventually([&] { return w.hangs(); }));
    if (frozen)
        w.agent().signal(SIGSTOP);
    std::this_thread::sleep_for((ttl + settle) * slowness() + 500ms); // after which the cloud gives it on

    scenario other(beside(w));
    REQUIRE(outcome(other.call("event.create", host, booking("b-1"), given_on(id))) == "ok");
    w.be("");
    if (frozen)
        w.agent().signal(SIGCONT);
    const auto late = w.result(id);
    INFO(described(late) << '\n' << w.agent_log_tail());
    CHECK(outcome(late) == "deadline_exceeded");
    CHECK(log_lines_with(w, "its time passed before its request could leave").find(id) != std::string::npos);
    CHECK(w.items(host).size() == 2); // b-0 and b-1
    CHECK(w.ledger().creates == 2);
    CHECK(w.ledger().invitations == 4);
}

TEST_CASE("an update whose begin hung on the disk past its time does not undo a later one of another agent",
          "[integration][lateness]")
{
    slow_disk w;
    w.hang_after(1);
    const json::object first{{"event_id", "b-0"}, {"set", {{"subject", "first"}}}};
    const json::object second{{"event_id", "b-0"}, {"set", {{"subject", "second"}}}};
    const auto id = w.send("event.update", host, first, within_ttl("c-1"));
    REQUIRE(w.accepted(id));
    REQUIRE(eventually([&] { return w.hangs(); }));
    std::this_thread::sleep_for((ttl + settle) * slowness() + 500ms);

    scenario other(beside(w));
    REQUIRE(outcome(other.call("event.update", host, first, given_on(id))) == "ok");
    REQUIRE(outcome(other.call("event.update", host, second)) == "ok");
    w.be("");
    CHECK(outcome(w.result(id)) == "deadline_exceeded");
    CHECK(text_at(w.items(host).at(0), "/subject") == "second");
}

namespace {

struct sleeping_machine : scenario {
    sleeping_machine() : scenario(settling_soon())
    {
        write();
        auto environment = preloaded(RELAY_SHIFTED_CLOCK);
        environment["RELAY_CLOCK_SHIFT"] = (folder() / "clock").string();
        start_agent(environment);
        wait_connected();
        REQUIRE(outcome(call("event.create", host, booking("b-1"))) == "ok");
    }
    void stop_the_machine() { agent().signal(SIGSTOP); }
    enum class kind { sleep, pause };
    void go_on_after(std::chrono::nanoseconds by, kind how)
    {
        wall_ += by;
        if (how == kind::sleep)
            slept_ += by;
        write();
        agent().signal(SIGCONT);
    }

private:
    void write() const
    {
        const auto file = folder() / "clock";
        std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out); // in place: it is mapped
        if (!out)
            out.open(file, std::ios::binary | std::ios::out);
        const std::array<std::int64_t, 3> shifts{wall_.count(), 0, slept_.count()};
        out.write(reinterpret_cast<const char*>(shifts.data()), sizeof shifts);
        REQUIRE(out.flush());
    }
    std::chrono::nanoseconds wall_{0}, slept_{0};
};

json::object set_subject(std::string_view to)
{
    return {{"event_id", "b-1"}, {"set", {{"subject", to}}}};
}

} // namespace

TEST_CASE("an update that waits while the machine sleeps past its time is not applied over a later one",
          "[integration][lateness]")
{
    using kind = sleeping_machine::kind;
    const auto how = GENERATE(kind::sleep, kind::pause);
    sleeping_machine w;
    w.faults({fault("*", "before", "status", {{"status", 503}}, 0)});
    const auto id = w.send("event.update", host, set_subject("first"), {{"id", "c-1"}, {"ttl_ms", 60'000}});
    REQUIRE(w.accepted(id));
    REQUIRE(eventually([&] { return w.requests("FindItem") > 1; }));
    w.stop_the_machine();
    w.exchange().remove("/faults");

    scenario other(beside(w));
    REQUIRE(outcome(other.call("event.update", host, set_subject("first"), given_on(id))) == "ok");
    REQUIRE(outcome(other.call("event.update", host, set_subject("second"))) == "ok");
    w.go_on_after(90s, how);
    const auto late = w.result(id);
    INFO(described(late) << '\n' << w.agent_log_tail());
    CHECK(outcome(late) == "exchange_unavailable"); // what its last try met
    CHECK(text_at(w.items(host).at(0), "/subject") == "second");
    CHECK(w.agent_log().find("the machine slept") != std::string::npos);
    CHECK(outcome(w.call("event.update", host, set_subject("third"))) == "ok"); // and the agent works on
}
#endif
