// How much memory the agent takes at the worst that a cloud and an Exchange can do to it, as the kernel counts it: the peak
// of what was resident.
#include "tests/integration/scenario.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iostream>

using namespace relay::test;

namespace {

// What is promised of the program that ships. A debug build takes some 15 MiB more, a sanitizer several times as much.
#ifdef NDEBUG
constexpr std::int64_t promised_mib = 96;
#else
constexpr std::int64_t promised_mib = 120;
#endif

world_options worst(std::vector<std::string> cloud_arguments, configuration more = {})
{
    more.insert({{"exchange.timeout_s", "10"}, {"log.level", "'info'"}});
    return {.config = std::move(more),
            .exchange_arguments = {"--mailboxes", "1000", "--max-concurrency", "0"},
            .cloud_arguments = std::move(cloud_arguments),
            .environment = {}};
}

// A cloud that allows more than the agent should take.
const std::vector<std::string> raised{"--max-message-bytes", "67108864"};

class peak {
public:
    explicit peak(scenario& w) : pid_(w.agent().pid()) { begin(); }

    void begin() const { std::ofstream(fmt::format("/proc/{}/clear_refs", pid_)) << "5"; }
    std::int64_t mib() const
    {
        std::ifstream status(fmt::format("/proc/{}/status", pid_));
        for (std::string line; std::getline(status, line);)
            if (line.starts_with("VmHWM:"))
                return std::stoll(line.substr(6)) / 1024;
        return 0;
    }
    // The peak since begin(), which it begins anew.
    void check(std::string_view what) const
    {
        const auto now = mib();
        std::cout << fmt::format("peak {} MiB: {}\n", now, what);
        INFO(what);
        CHECK(now < promised_mib * slowness());
        begin();
    }

private:
    int pid_;
};

json::object year_of(int mailboxes)
{
    json::array list;
    for (int i = 1; i <= mailboxes; ++i)
        list.emplace_back(fmt::format("user{}@corp.example", i));
    return {
        {"mailboxes", std::move(list)}, {"start", "2026-01-01T00:00:00Z"}, {"end", "2027-01-01T00:00:00Z"}};
}

std::size_t problems(scenario& w)
{
    return w.cloud().get("/problems").as_array().size();
}

std::size_t sessions(scenario& w)
{
    return w.cloud().get("/agents").as_array().size();
}

} // namespace

TEST_CASE("a year of a thousand busy calendars ends early, and memory stays under its bound",
          "[integration][memory]")
{
    const auto cloud = GENERATE(std::vector<std::string>{}, raised);
    scenario w(worst(cloud));
    w.exchange().put("/habits", {{"meetings_a_day", 8}});
    const peak p(w);
    const auto before = w.requests("GetUserAvailability");
    const auto whole = w.send("availability.get", "", year_of(1'000), {{"ttl_ms", 120'000}});
    CHECK(outcome(w.result(whole, 120s)) == "result_too_large");
    p.check("one availability.get of 1,000 mailboxes over a year");
    CHECK(w.requests("GetUserAvailability") - before < 60); // of 90 or more

    std::vector<std::string> ids;
    for (int i = 0; i < 20; ++i)
        ids.push_back(w.send("availability.get", "", year_of(1'000), {{"ttl_ms", 120'000}}));
    for (const auto& id : ids) {
        const auto how = outcome(w.result(id, 120s));
        CHECK((how == "result_too_large" || how == "overloaded"));
    }
    p.check("twenty of them at once");
    w.exchange().put("/habits", json::object{});
    CHECK(outcome(w.call("availability.get", "", year_of(10))) == "ok");
}

TEST_CASE("answers of Exchange that are made to be large stay under the bound", "[integration][memory]")
{
    scenario w(worst({}));
    const peak p(w);
    for (const auto& [action, bytes] :
         {std::pair("nodes", 8'000'000), std::pair("nodes", 4'000'000), std::pair("huge", 50'000'000),
          std::pair("gzip_bomb", 500'000'000), std::pair("gzip_bomb", 4'000'000)}) {
        w.faults({fault("*", "before", action, {{"bytes", bytes}}, 0)});
        std::vector<std::string> ids;
        for (int i = 0; i < 40; ++i)
            ids.push_back(i % 2 == 0 ? w.send("availability.get", "", year_of(200), {{"ttl_ms", 3'000}})
                                     : w.send("event.get", fmt::format("user{}@corp.example", i),
                                              {{"event_id", "e"}}, {{"ttl_ms", 3'000}}));
        for (const auto& id : ids)
            CHECK(outcome(w.result(id, 60s)) != "ok");
        p.check(fmt::format("answers of Exchange: {} of {} bytes", action, bytes));
    }
    w.exchange().remove("/faults");
    CHECK(outcome(w.call("connection.test", "", {}, {{"ttl_ms", 30'000}})) == "ok");
}

TEST_CASE("frames of any size and shape stay under the bound, deflate bombs included",
          "[integration][memory]")
{
    const bool deflate = GENERATE(true, false);
    auto cloud = raised;
    if (!deflate)
        cloud.push_back("--no-deflate");
    scenario w(worst(cloud));
    const peak p(w);
    // Beyond the agent's own ceiling, whatever the cloud allows.
    w.cloud().post("/raw", {{"text", R"({"type":"x","v":")" + std::string(5'000'000, 'x') + "\"}"}});
    CHECK(eventually([&] { return sessions(w) == 2 && w.connected(); }, 60s));
    CHECK(eventually([&] { return text_at(w.cloud().get("/agents"), "/1/close_code") == "1009"; }));
    // So much that the cloud is still packing and sending when it is told.
    for (const auto* piece : {"[],", "1,", "{},", R"("",)", " "}) {
        const auto before = sessions(w);
        w.cloud().post("/raw", {{"text", R"({"type":"x","v":[)"},
                                {"piece", piece},
                                {"times", 60'000'000 / std::string_view(piece).size()},
                                {"end", "0]}"}});
        CHECK(eventually([&] { return sessions(w) == before + 1 && w.connected(); }, 60s));
        p.check(fmt::format("a frame of 60 MB of {} {}", piece, deflate ? "deflated" : "as it is"));
    }
    // Within it.
    const auto before = sessions(w);
    for (const auto* piece : {"[],", "1,", "{},", R"("",)", R"("a":1,)"}) {
        const auto told = problems(w);
        const bool object = piece[1] == 'a';
        w.cloud().post("/raw", {{"text", object ? R"({"type":"x","v":{)" : R"({"type":"x","v":[)"},
                                {"piece", piece},
                                {"times", 2'000'000 / std::string_view(piece).size()},
                                {"end", object ? R"("b":0}})" : "0]}"}});
        CHECK(eventually([&] { return problems(w) == told + 1; }, 30s));
        p.check(fmt::format("a frame of 2 MB of {}", piece));
    }
    CHECK(sessions(w) == before);
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
}

TEST_CASE("as many large commands as the cloud likes stay under the bound", "[integration][memory]")
{
    scenario w(worst(raised));
    const peak p(w);
    w.faults({fault("FindItem", "before", "delay", {{"ms", 4'000}}, 0),
              fault("GetUserAvailability", "before", "delay", {{"ms", 4'000}}, 0)});
    std::vector<std::string> ids;
    for (int i = 0; i < 60; ++i) {
        auto params = i % 2 == 0 ? booking(fmt::format("b-{}", i)) : year_of(1'000);
        params["ignored"] = std::string(2'000'000, 'x');
        ids.push_back(w.send(i % 2 == 0 ? "event.create" : "availability.get",
                             i % 2 == 0 ? fmt::format("user{}@corp.example", i + 1) : "", std::move(params),
                             {{"ttl_ms", 60'000}}));
    }
    w.exchange().remove("/faults");
    int refused = 0;
    for (const auto& id : ids)
        refused += outcome(w.result(id, 120s)) == "overloaded";
    CHECK(refused > 0);
    p.check("60 commands of 2 MB each");
    CHECK(outcome(w.call("event.create", host, booking("later"))) == "ok");
}

TEST_CASE("a mailbox that is asked for many times is asked of Exchange once", "[integration][memory]")
{
    scenario w;
    w.exchange().put("/habits", {{"meetings_a_day", 1}});
    const auto before = w.requests("GetUserAvailability");
    auto params = year_of(1);
    params["end"] = "2026-01-03T00:00:00Z";
    auto& list = params["mailboxes"].as_array();
    for (int i = 0; i < 499; ++i)
        list.emplace_back(i % 2 == 0 ? "user1@corp.example" : "USER1@corp.example");
    const auto r = w.call("availability.get", "", params);
    REQUIRE(outcome(r) == "ok");
    CHECK(w.requests("GetUserAvailability") == before + 1);
    const auto answers = at(r, "/output/mailboxes").as_array();
    REQUIRE(answers.size() == 500);
    CHECK(text_at(answers[1], "/mailbox") == "user1@corp.example");
    CHECK(text_at(answers[2], "/mailbox") == "USER1@corp.example");
    for (const auto& a : answers)
        CHECK(at(a, "/busy").as_array().size() == 2);
}
