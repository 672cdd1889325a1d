// Free/busy questions that go together: when they do, that one does not suffer from another, and that nobody can tell from
// the answers.
#include "tests/unit/commands/agent_fixture.hpp"

#include "common/time/rfc3339.hpp"

#include <fmt/format.h>

#include <map>
#include <random>

using namespace relay;
using namespace relay::test;
using ews::busy_period;
using ews::busy_status;

namespace {

constexpr utc_time december = std::chrono::sys_days{std::chrono::year{2026} / 12 / 1};

ews::error whole_failure(protocol::fault_code code, const char* exchange_code, ews::retry_action retry_action,
                         milliseconds back_off = {})
{
    return {
        {code, "the whole request failed", exchange_code}, retry_action, ews::effect::none, back_off, true};
}

bool is_about(const std::vector<mailbox_address>& mailboxes, std::string_view key)
{
    return std::ranges::any_of(mailboxes, [&](const auto& m) { return m.key() == key; });
}

struct batcher_fixture : agent_fixture {
    batcher_fixture()
    {
        denied.clear();           // and so nobody is looked up
        limits.most_requests = 1; // so that whatever comes second waits
        restart();
        exchange.slowness = 100ms;
    }
    void ask(const std::string& id, const std::vector<std::string>& mailboxes, utc_time start = december,
             utc_time end = december + 24h, std::optional<milliseconds> ttl = {})
    {
        json::array list;
        for (const auto& m : mailboxes)
            list.emplace_back(m);
        send(id, "availability.get",
             {{"mailboxes", list}, {"start", format_rfc3339(start)}, {"end", format_rfc3339(end)}}, ttl);
    }
    int requests() const { return exchange.count(call::availability); }
};

} // namespace

TEST_CASE_METHOD(batcher_fixture, "a question that finds its turn is asked alone and at once",
                 "[unit][commands]")
{
    limits.most_requests = 10;
    restart();
    for (int i = 0; i < 10; ++i)
        ask("r-" + std::to_string(i), {"a@x.example"});
    CHECK(requests() == 10);
    time.advance(100ms);
    for (int i = 0; i < 10; ++i)
        CHECK(result("r-" + std::to_string(i))->at("took_ms") == 100);
}

TEST_CASE_METHOD(batcher_fixture, "questions that wait go together in the next request", "[unit][commands]")
{
    ask("r-0", {"a@x.example"});
    ask("r-1", {"a@x.example"});
    ask("r-2", {"B@x.example", "a@x.example"});
    ask("r-3", {"c@x.example", "b@x.example"});
    time.advance(200ms);
    CHECK(exchange.asked_about == std::vector<std::vector<std::string>>{
                                      {"a@x.example"}, {"a@x.example", "b@x.example", "c@x.example"}});
    for (int i = 0; i < 4; ++i)
        CHECK(ok("r-" + std::to_string(i)));
    const auto& answer = output("r-3").at("mailboxes").as_array();
    CHECK(answer[0].at("mailbox") == "c@x.example"); // in the order asked
    CHECK(answer[1].at("mailbox") == "b@x.example");
    CHECK(result("r-3")->at("attempts") == 1);
}

TEST_CASE_METHOD(batcher_fixture, "no joint request is about more mailboxes than Exchange takes",
                 "[unit][commands]")
{
    const auto some = [](int first, int count) {
        std::vector<std::string> mailboxes;
        for (int i = 0; i < count; ++i)
            mailboxes.push_back(fmt::format("u{}@x.example", first + i));
        return mailboxes;
    };
    ask("r-0", some(0, 1));
    ask("r-1", some(0, 60));
    ask("r-2", some(100, 60));
    ask("r-3", some(40, 60)); // 20 of them are asked about anyway
    time.advance(200ms);
    REQUIRE(exchange.asked_about.size() == 3);
    CHECK(exchange.asked_about[1].size() == 100);
    time.advance(200ms);
    CHECK((ok("r-1") && ok("r-2") && ok("r-3")));
    CHECK(requests() == 3);
}

TEST_CASE_METHOD(batcher_fixture, "windows that overlap are asked as one, others are not", "[unit][commands]")
{
    const auto hours = [&](const std::string& id, int from, int to, milliseconds off = {}) {
        ask(id, {"a@x.example"}, december + std::chrono::hours(from) + off,
            december + std::chrono::hours(to) + off);
    };
    exchange.calendar = [](const auto&, utc_time start, utc_time end) -> ews::mailbox_busy {
        return std::vector{busy_period{start - 1h, end + 1h, busy_status::busy}};
    };
    hours("r-0", 0, 1);
    hours("r-1", 8, 12);
    hours("r-2", 10, 18);
    hours("r-3", 20, 22);      // apart
    hours("r-4", 9, 11, 7min); // not on the half hour
    hours("r-5", 9, 24 * 50);  // longer than one question may be: its parts may go along
    time.advance(5s);
    CHECK(requests() < 7);
    CHECK(json::serialize(output("r-2").at("mailboxes").at(0).at("busy")) ==
          R"([{"start":"2026-12-01T10:00:00Z","end":"2026-12-01T18:00:00Z","status":"busy"}])");
    CHECK(json::serialize(output("r-4").at("mailboxes").at(0).at("busy")) ==
          R"([{"start":"2026-12-01T09:07:00Z","end":"2026-12-01T11:07:00Z","status":"busy"}])");
    CHECK(ok("r-3"));
    CHECK(ok("r-5"));
}

TEST_CASE_METHOD(batcher_fixture, "where a joint request fails for good, each is asked alone",
                 "[unit][commands]")
{
    exchange.ill = [](const auto& mailboxes) -> std::optional<ews::error> {
        if (!is_about(mailboxes, "poison@x.example"))
            return std::nullopt;
        return whole_failure(protocol::fault_code::exchange_error, "ErrorInvalidRequest",
                             ews::retry_action::give_up);
    };
    ask("r-0", {"a@x.example"});
    ask("r-1", {"b@x.example"});
    ask("r-2", {"poison@x.example"});
    ask("r-3", {"c@x.example"});
    time.advance(1s);
    CHECK(ok("r-1"));
    CHECK(code("r-2") == "exchange_error");
    CHECK(ok("r-3"));
    CHECK(requests() == 5);
}

TEST_CASE_METHOD(batcher_fixture, "a mailbox that makes a joint request slow fails its own command only",
                 "[unit][commands]")
{
    limits.most_requests = 2;
    restart();
    exchange.takes = [](const auto& mailboxes) -> duration {
        return is_about(mailboxes, "slow@x.example") ? 40s : 0s;
    };
    ask("r-0", {"a@x.example"});
    ask("r-1", {"a@x.example"});
    ask("r-2", {"b@x.example"});
    ask("r-3", {"slow@x.example"});
    ask("r-4", {"c@x.example"});
    time.advance(31s);
    CHECK(ok("r-2"));
    CHECK(ok("r-4"));
}

TEST_CASE_METHOD(batcher_fixture, "throttling of a joint request is everybody's, and is waited out",
                 "[unit][commands]")
{
    ask("r-0", {"a@x.example"});
    ask("r-1", {"b@x.example"});
    ask("r-2", {"c@x.example"});
    time.advance(100ms);
    exchange.troubles = {
        {call::availability, whole_failure(protocol::fault_code::exchange_busy, "ErrorServerBusy",
                                           ews::retry_action::back_off, 5s)}};
    time.advance(5s);
    CHECK(requests() == 2);
    time.advance(2s);
    CHECK((ok("r-1") && ok("r-2")));
    CHECK(requests() <= 4);
}

TEST_CASE_METHOD(batcher_fixture, "policy and time of each command are its own", "[unit][commands]")
{
    denied = "ceo@corp.example";
    restart();
    ask("known", {"a@x.example", "b@x.example", "c@x.example", "d@x.example"}); // who they are, from now on
    time.advance(1s);
    ask("r-0", {"a@x.example"});
    ask("r-1", {"a@x.example", "ceo@corp.example"});
    ask("r-2", {"b@x.example"});
    ask("short", {"c@x.example"}, december, december + 24h, 50ms);
    ask("gone", {"d@x.example"});
    now->in.cancel("gone");
    time.advance(50ms);
    CHECK(code("short") == "deadline_exceeded");
    CHECK(code("gone") == "cancelled");
    time.advance(150ms);
    CHECK(exchange.asked_about.back() == std::vector<std::string>{"a@x.example", "b@x.example"});
    CHECK(output("r-1").at("mailboxes").at(1).at("error").at("code") == "policy_denied");
    CHECK(ok("r-2"));
}

TEST_CASE_METHOD(batcher_fixture, "a joint request ends with the agent", "[unit][commands]")
{
    ask("r-0", {"a@x.example"});
    ask("r-1", {"a@x.example"});
    ask("r-2", {"b@x.example"});
    time.advance(150ms);
    REQUIRE(requests() == 2);
    restart();
    CHECK(exchange.running == 0);
}

// The same random commands against the same random calendars, with one and without.
TEST_CASE_METHOD(batcher_fixture, "joint questions are answered exactly as if each had been asked alone",
                 "[unit][commands]")
{
    std::mt19937 random(Catch::rngSeed());
    const auto below = [&random](unsigned n) { return static_cast<int>(random() % n); };
    int saved = 0;
    for (int round = 0; round < 25; ++round) {
        std::map<std::string, std::vector<busy_period>> calendars;
        for (int m = 0; m < 12; ++m)
            for (int i = below(30); i > 0; --i) {
                const auto start = december + std::chrono::minutes(below(60 * 24 * 60));
                calendars[fmt::format("u{}@x.example", m)].push_back(
                    {start, start + std::chrono::minutes(1 + below(600)),
                     static_cast<busy_status>(below(5))});
            }
        const auto merged_only = fmt::format("u{}@x.example", below(12));
        exchange.calendar = [&](const mailbox_address& m, utc_time start, utc_time end) -> ews::mailbox_busy {
            if (m.key() == "u3@x.example")
                return protocol::fault{protocol::fault_code::mailbox_not_found, "nobody",
                                       "ErrorMailRecipientNotFound"};
            std::vector<busy_period> inside;
            for (const auto& p : calendars[m.key()])
                if (p.start < end && p.end > start)
                    inside.push_back(p);
            if (inside.size() > 8 && m.key() == "u4@x.example" && round % 3 == 0)
                return protocol::fault{protocol::fault_code::exchange_error, "too many",
                                       "ErrorResultSetTooBig"};
            if (m.key() == merged_only) { // half hours of the window, the worst status of each
                std::vector<busy_period> slots;
                for (auto from = start; from < end; from += 30min) {
                    const auto to = std::min<utc_time>(from + 30min, end);
                    for (const auto& p : inside)
                        if (p.start < to && p.end > from) {
                            slots.push_back({from, to, p.status});
                            break;
                        }
                }
                return slots;
            }
            return inside;
        };
        exchange.ill = [round](const auto& mailboxes) -> std::optional<ews::error> {
            if (round % 4 == 0 && is_about(mailboxes, "u5@x.example") && is_about(mailboxes, "u6@x.example"))
                return whole_failure(protocol::fault_code::exchange_error, "ErrorInvalidRequest",
                                     ews::retry_action::give_up);
            return std::nullopt;
        };

        struct question {
            std::vector<std::string> mailboxes;
            utc_time start, end;
        };
        std::vector<question> questions;
        for (int q = 0; q < 40; ++q) {
            question one;
            for (int i = 1 + below(4); i > 0; --i)
                one.mailboxes.push_back(below(20) == 0 ? denied : fmt::format("u{}@x.example", below(12)));
            const auto grid = below(4) == 0 ? 1 : 30; // minutes
            one.start =
                december + std::chrono::minutes(grid * below(static_cast<unsigned>(14 * 24 * 60 / grid)));
            one.end =
                one.start +
                std::chrono::minutes(
                    grid * (1 + below(static_cast<unsigned>((below(5) == 0 ? 50 : 3) * 24 * 60 / grid))));
            questions.push_back(std::move(one));
        }
        const auto answers_with = [&](std::size_t batched_mailboxes, std::size_t most_requests) {
            limits.batched_mailboxes = batched_mailboxes;
            limits.most_requests = most_requests;
            restart();
            const auto before = requests();
            for (std::size_t i = 0; i < questions.size(); ++i)
                ask(std::to_string(i), questions[i].mailboxes, questions[i].start, questions[i].end);
            time.advance(29s);
            std::vector<std::string> answers;
            for (std::size_t i = 0; i < questions.size(); ++i) {
                const auto* r = result(std::to_string(i));
                REQUIRE(r);
                answers.push_back(json::serialize(r->contains("output") ? r->at("output") : r->at("error")));
            }
            return std::pair(std::move(answers), requests() - before);
        };
        const auto [alone, alone_requests] = answers_with(0, 2);
        const auto [joint, batched_requests] = answers_with(100, 1 + static_cast<std::size_t>(below(3)));
        INFO("round " << round);
        CHECK(joint == alone);
        saved += alone_requests - batched_requests;
    }
    CHECK(saved > 25 * 10);
}
