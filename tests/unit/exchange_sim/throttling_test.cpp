#include "tests/stand_ins/exchange/throttling.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using namespace relay;
using namespace relay::exchange_sim;

namespace {

constexpr steady_time start{1h};

struct throttling_fixture {
    throttling limits;

    // How many of `wanted` requests of one budget are let in at once.
    std::size_t let_in(const std::string& budget, int wanted)
    {
        std::vector<throttling::charge> held;
        for (int i = 0; i < wanted; ++i)
            if (auto a = limits.admit(budget, false, start); a.held)
                held.push_back(std::move(a.held));
        return held.size();
    }
};

std::string value_of(const refusal& r, std::string_view name)
{
    const auto found = std::ranges::find(r.values, name, [](const auto& v) { return v.first; });
    return found == r.values.end() ? "" : found->second;
}

} // namespace

TEST_CASE_METHOD(throttling_fixture, "one budget takes 27 requests at once, and the next when one has ended",
                 "[unit][exchange_sim]")
{
    CHECK(let_in("a@corp.example", 30) == 27);
    CHECK(limits.refused() == 3);
    CHECK(limits.budgets().at("a@corp.example").most == 27);
    CHECK(limits.budgets().at("a@corp.example").now == 0);
    CHECK(let_in("a@corp.example", 1) == 1);
}

TEST_CASE_METHOD(throttling_fixture, "mailboxes and the service account have a budget each",
                 "[unit][exchange_sim]")
{
    limits.apply({.max_concurrency = 1});
    const auto a = limits.admit("a@corp.example", false, start),
               b = limits.admit("b@corp.example", false, start), own = limits.admit("", false, start),
               second = limits.admit("", false, start);
    CHECK((a.held && b.held && own.held));
    CHECK_FALSE(second.held);
    limits.apply({.max_concurrency = 2, .account_concurrency = 3}); // three are under way
    CHECK(limits.refused() == 0);
    CHECK_FALSE(limits.admit("c@corp.example", false, start).held);
}

TEST_CASE_METHOD(throttling_fixture, "too much at once is told with the policy's name, or with a time",
                 "[unit][exchange_sim]")
{
    limits.apply({.max_concurrency = 1});
    const auto held = limits.admit("", false, start);
    auto over = limits.admit("", false, start);
    REQUIRE(over.refused);
    CHECK(over.refused->code == "ErrorServerBusy");
    CHECK(value_of(*over.refused, "Policy") == "MaxConcurrency");
    CHECK(value_of(*over.refused, "MaxConcurrencyLimit") == "1");
    CHECK(value_of(*over.refused, "BackOffMilliseconds").empty());

    limits.apply({.max_concurrency = 1, .back_off_ms = 297749});
    over = limits.admit("", false, start);
    REQUIRE(over.refused);
    CHECK(value_of(*over.refused, "BackOffMilliseconds") == "297749");
    CHECK(value_of(*over.refused, "Policy").empty());
}

TEST_CASE_METHOD(throttling_fixture, "a mailbox sends so often a minute, and is told when it may again",
                 "[unit][exchange_sim]")
{
    limits.apply({.message_rate = 2});
    CHECK(limits.admit("a@corp.example", true, start).held);
    CHECK(limits.admit("a@corp.example", true, start + 20s).held);
    CHECK(limits.admit("a@corp.example", false, start + 30s).held); // what does not send is not counted
    CHECK(limits.admit("b@corp.example", true, start + 30s).held);
    const auto over = limits.admit("a@corp.example", true, start + 30s);
    REQUIRE(over.refused);
    CHECK(value_of(*over.refused, "BackOffMilliseconds") == "30000");
    CHECK(limits.admit("a@corp.example", true, start + 60s).held);
}

TEST_CASE("a throttling policy is read from JSON; mistakes are named", "[unit][exchange_sim]")
{
    const auto p =
        read_throttling(boost::json::parse(R"({"max_concurrency":3,"back_off_ms":5000,"answer":"message"})"));
    CHECK(p.max_concurrency == 3);
    CHECK(p.account_concurrency == 0);
    CHECK(p.back_off_ms == 5000);
    CHECK(p.answer == throttling_policy::form::message);
    CHECK(read_throttling(boost::json::object()).max_concurrency == 27);
    for (const auto* wrong : {R"([])", R"({"max":1})", R"({"max_concurrency":-1})", R"({"answer":"no"})"})
        CHECK_THROWS_AS(read_throttling(boost::json::parse(wrong)), std::invalid_argument);
}
