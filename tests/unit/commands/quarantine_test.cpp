// One mailbox of many that holds up or fails the whole free/busy request: it has an error of its own, the others their answers.
#include "tests/unit/commands/agent_fixture.hpp"

#include "common/time/rfc3339.hpp"

using namespace relay;
using namespace relay::test;

namespace {

constexpr utc_time december = std::chrono::sys_days{std::chrono::year{2026} / 12 / 1};
constexpr const char* culprit = "culprit@x.example";

bool is_about(const std::vector<mailbox_address>& mailboxes, std::string_view key)
{
    return std::ranges::any_of(mailboxes, [&](const auto& m) { return m.key() == key; });
}

ews::error of_mailboxes(const char* code, ews::retry_action retry_action)
{
    ews::error e;
    e.fault = {protocol::fault_code::exchange_unavailable, "the whole request failed", code};
    e.retry_action = retry_action;
    e.of_mailboxes = true;
    return e;
}

struct quarantine_fixture : agent_fixture {
    quarantine_fixture() { exchange.slowness = 50ms; }

    // Asks about `count` mailboxes, the culprit in their middle.
    void ask(const std::string& id, int count, std::optional<milliseconds> ttl = {})
    {
        json::array list;
        for (int n = 0; n < count; ++n)
            list.emplace_back(n == count / 2 ? culprit : "m" + std::to_string(n) + "@x.example");
        send(id, "availability.get",
             {{"mailboxes", list},
              {"start", format_rfc3339(december)},
              {"end", format_rfc3339(december + 24h)}},
             ttl);
    }
    // How many mailboxes of `id` were answered; the culprit's code.
    std::pair<int, std::string> answered(const std::string& id)
    {
        int ok = 0;
        std::string its_code;
        for (const auto& m : output(id).at("mailboxes").as_array()) {
            ok += m.at("ok").as_bool() ? 1 : 0;
            if (m.at("mailbox") == culprit && !m.at("ok").as_bool())
                its_code = json::value_to<std::string>(m.at("error").at("code"));
        }
        return {ok, its_code};
    }
    // Never answers a request about the culprit: it ends with the time that it is given.
    void never_answer()
    {
        exchange.takes = [](const auto& mailboxes) -> duration {
            return is_about(mailboxes, culprit) ? 1h : 0s;
        };
    }
};

} // namespace

TEST_CASE_METHOD(quarantine_fixture,
                 "one mailbox that fails a request about a hundred has its own error, the others answers",
                 "[unit][commands]")
{
    const auto retry_action = GENERATE(ews::retry_action::retry, ews::retry_action::give_up);
    exchange.ill = [=](const auto& mailboxes) -> std::optional<ews::error> {
        return is_about(mailboxes, culprit)
                   ? std::optional(of_mailboxes("ErrorInternalServerError", retry_action))
                   : std::nullopt;
    };
    ask("r-1", 100);
    time.advance(10s);
    CHECK(answered("r-1") == std::pair(99, std::string("exchange_unavailable")));
    const auto before = exchange.count(call::availability);
    CHECK(before <= 20);
    ask("r-2", 100); // known by now: the others in one request, it alone
    time.advance(10s);
    CHECK(answered("r-2") == std::pair(99, std::string("exchange_unavailable")));
    CHECK(exchange.count(call::availability) == before + 2);
}

TEST_CASE_METHOD(quarantine_fixture,
                 "one mailbox that is never answered does not cost the others their answers",
                 "[unit][commands]")
{
    never_answer();
    ask("r-1", 100);
    time.advance(31s);
    CHECK(answered("r-1") == std::pair(99, std::string("exchange_unavailable")));
    ask("r-2", 100);
    time.advance(11s); // no more than a share of the time
    CHECK(answered("r-2") == std::pair(99, std::string("exchange_unavailable")));
}

TEST_CASE_METHOD(quarantine_fixture,
                 "a free/busy request that is not answered does not make the server unreachable",
                 "[unit][commands]")
{
    create("c-1", "e-1");
    time.advance(1s);
    REQUIRE(now->works.gate().state() == exchange_access::server_state::ok);
    never_answer();
    ask("r-1", 100);
    ask("r-2", 1);
    time.advance(31s);
    CHECK(code("r-2") == "exchange_unavailable");
    CHECK(now->works.gate().state() == exchange_access::server_state::ok);
}

TEST_CASE_METHOD(quarantine_fixture, "what passes soon is no mailbox's doing: nobody has an error",
                 "[unit][commands]")
{
    exchange.ill = [this](const auto&) -> std::optional<ews::error> {
        return time.now() < steady_time{1h} + 3s
                   ? std::optional(of_mailboxes("ErrorADUnavailable", ews::retry_action::retry))
                   : std::nullopt;
    };
    const auto count = GENERATE(1, 2, 5, 100);
    ask("r-1", count);
    time.advance(29s);
    CHECK(answered("r-1") == std::pair(count, std::string()));
}

TEST_CASE_METHOD(quarantine_fixture, "where every part fails, the number of requests stays small",
                 "[unit][commands]")
{
    exchange.ill = [](const auto&) -> std::optional<ews::error> {
        return of_mailboxes("ErrorInternalServerError", ews::retry_action::retry);
    };
    ask("r-1", 1000);
    time.advance(31s);
    CHECK(code("r-1") == "exchange_unavailable");
    CHECK(exchange.count(call::availability) < 60);
}

TEST_CASE_METHOD(quarantine_fixture, "a mailbox is asked with the others again once it has been answered",
                 "[unit][commands]")
{
    never_answer();
    ask("r-1", 10);
    time.advance(31s);
    exchange.takes = {};
    ask("r-2", 10);
    time.advance(1s);
    CHECK(answered("r-2").first == 10);
    const auto before = exchange.count(call::availability);
    ask("r-3", 10);
    time.advance(1s);
    CHECK(answered("r-3").first == 10);
    CHECK(exchange.count(call::availability) == before + 1);
}
