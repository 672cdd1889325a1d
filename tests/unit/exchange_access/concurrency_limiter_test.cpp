#include "agent/exchange_access/concurrency_limiter.hpp"
#include "tests/support/manual_time.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <vector>

using namespace relay;
using namespace relay::exchange_access;
using relay::test::manual_time;
using kind = protocol::operation_class;

namespace {

constexpr std::size_t per_mailbox = concurrency_limiter::most_for_one_mailbox;

struct limiter_fixture {
    asio::io_context context;
    manual_time time{context};
    concurrency_limiter line{time, 10};
    std::vector<std::string> served; // in order, those that had to wait

    concurrency_limiter::permit acquire(const std::string& mailbox, kind k = kind::write)
    {
        return line.acquire(mailbox, k, [this, mailbox] { served.push_back(mailbox); });
    }
    std::vector<concurrency_limiter::permit> acquire(const std::string& mailbox, std::size_t count,
                                                     kind k = kind::write)
    {
        std::vector<concurrency_limiter::permit> all;
        for (std::size_t i = 0; i < count; ++i)
            all.push_back(acquire(mailbox, k));
        return all;
    }
    static std::size_t here(const std::vector<concurrency_limiter::permit>& all)
    {
        return static_cast<std::size_t>(std::ranges::count_if(all, &concurrency_limiter::permit::is_granted));
    }
    // Where only one may be under way.
    static void end_one_after_the_other(std::vector<concurrency_limiter::permit>& all)
    {
        for (std::size_t i = 0; i < all.size(); ++i)
            std::ranges::find_if(all, &concurrency_limiter::permit::is_granted)->release();
    }
    // `count` tries for a mailbox, one after the other, that all go well.
    void go_well(const std::string& mailbox, int count)
    {
        for (int i = 0; i < count; ++i) {
            time.advance(100ms);
            const auto t = acquire(mailbox);
            time.advance(1ms);
            line.went_well(t);
        }
    }
    void is_throttled(const std::string& mailbox, bool whole_server = false)
    {
        time.advance(1ms);
        const auto t = acquire(mailbox);
        time.advance(1ms);
        line.too_much(t, whole_server);
    }
};

} // namespace

TEST_CASE_METHOD(limiter_fixture, "one mailbox has a few turns at once, others find theirs",
                 "[unit][exchange_access]")
{
    const auto noisy = acquire("a@x", 60);
    CHECK(here(noisy) == per_mailbox);
    CHECK(line.waiting() == 60 - per_mailbox);
    CHECK(acquire("b@x").is_granted());
}

TEST_CASE_METHOD(limiter_fixture, "no more turns at once than are allowed in all", "[unit][exchange_access]")
{
    std::vector<concurrency_limiter::permit> all;
    for (int i = 0; i < 30; ++i)
        all.push_back(acquire(std::to_string(i) + "@x", kind::read));
    CHECK(here(all) == 10);
    line.set_most(12);
    CHECK(here(all) == 12);
    line.set_most(3);
    for (std::size_t i = 0; i < 9; ++i)
        all[i].release();
    CHECK(line.under_way() == 3);
    all[9].release();
    CHECK(line.under_way() == 3);
    CHECK(all[12].is_granted());
}

TEST_CASE_METHOD(limiter_fixture, "mailboxes that wait are served in turn", "[unit][exchange_access]")
{
    line.set_most(1);
    auto all = acquire("z@x", 1);
    for (const auto* mailbox : {"a@x", "a@x", "a@x", "b@x", "b@x", "c@x"})
        all.push_back(acquire(mailbox));
    end_one_after_the_other(all);
    CHECK(served == std::vector<std::string>{"a@x", "b@x", "c@x", "a@x", "b@x", "a@x"});
}

TEST_CASE_METHOD(limiter_fixture, "reads and writes that wait are served alternately",
                 "[unit][exchange_access]")
{
    line.set_most(1);
    auto all = acquire("z@x", 1);
    for (int i = 0; i < 4; ++i)
        all.push_back(acquire("w" + std::to_string(i), kind::write));
    for (int i = 0; i < 4; ++i)
        all.push_back(acquire("r" + std::to_string(i), kind::read));
    end_one_after_the_other(all);
    CHECK(served == std::vector<std::string>{"r0", "w0", "r1", "w1", "r2", "w2", "r3", "w3"});
}

TEST_CASE_METHOD(limiter_fixture, "writes that hang leave a place for reads", "[unit][exchange_access]")
{
    std::vector<concurrency_limiter::permit> hanging;
    for (int i = 0; i < 30; ++i)
        hanging.push_back(acquire(std::to_string(i) + "@x"));
    CHECK(here(hanging) == 9);
    CHECK(acquire("", kind::read).is_granted());
}

TEST_CASE_METHOD(limiter_fixture, "the service account's own budget is kept within Exchange's default",
                 "[unit][exchange_access]")
{
    line.set_most(100);
    const auto reads = acquire("", 60, kind::read);
    CHECK(here(reads) == concurrency_limiter::most_for_the_account);
    CHECK(acquire("a@x", kind::read).is_granted());
}

TEST_CASE_METHOD(limiter_fixture, "a throttled mailbox has half as many turns, others as many as before",
                 "[unit][exchange_access]")
{
    is_throttled("a@x");
    CHECK(line.most_now("a@x") == per_mailbox / 2);
    CHECK(line.most_now("b@x") == per_mailbox);
    CHECK(line.most_now() == 10);
    is_throttled("a@x");
    is_throttled("a@x");
    CHECK(line.most_now("a@x") == 1); // never none
}

TEST_CASE_METHOD(limiter_fixture, "requests that were under way together halve once",
                 "[unit][exchange_access]")
{
    std::vector<concurrency_limiter::permit> all = acquire("", 8, kind::read);
    time.advance(5ms);
    for (const auto& t : all) {
        line.too_much(t, true);
        time.advance(1ms);
    }
    CHECK(line.most_now() == 5);
    all.clear();
    is_throttled("", true); // begun since
    CHECK(line.most_now() == 2);
}

TEST_CASE_METHOD(limiter_fixture, "several throttled mailboxes at once mean the server",
                 "[unit][exchange_access]")
{
    is_throttled("a@x");
    time.advance(concurrency_limiter::coincidence);
    is_throttled("b@x");
    CHECK(line.most_now() == 10);
    is_throttled("c@x");
    CHECK(line.most_now() == 5);
}

TEST_CASE_METHOD(limiter_fixture, "what was halved grows one by one while all goes well",
                 "[unit][exchange_access]")
{
    is_throttled("a@x", true);
    CHECK(line.most_now() == 5);
    go_well("b@x", 4);
    CHECK(line.most_now() == 5); // not a whole round
    go_well("b@x", 10);
    CHECK(line.most_now() == 6); // and not more than one a second
    go_well("b@x", 100);
    CHECK(line.most_now() == 10);
    CHECK(line.most_now("a@x") == per_mailbox / 2); // nothing was heard of it
    time.advance(aimd_limit::forgotten_after);
    go_well("a@x", 1);
    CHECK(line.most_now("a@x") == per_mailbox);
}

TEST_CASE_METHOD(limiter_fixture, "the growth ends where the administrator's limit is",
                 "[unit][exchange_access]")
{
    is_throttled("a@x", true);
    line.set_most(6);
    go_well("b@x", 500);
    CHECK(line.most_now() == 6);
}

// Random comings and goings: never over a limit, and nothing waits that could run.
TEST_CASE_METHOD(limiter_fixture, "no limit is ever exceeded, and no turn is left unused",
                 "[unit][exchange_access]")
{
    std::mt19937 random(Catch::rngSeed());
    struct one {
        std::string mailbox;
        kind k;
        concurrency_limiter::permit t;
    };
    std::vector<one> all;
    for (int step = 0; step < 3000; ++step) {
        time.advance(milliseconds(random() % 50));
        const auto what = random() % 10;
        if (what < 5 && all.size() < 64) {
            const auto n = random() % 6;
            const auto mailbox = n == 0 ? std::string() : std::string(1, static_cast<char>('a' + n));
            const auto k = n == 0 || random() % 2 == 0 ? kind::read : kind::write;
            all.push_back({mailbox, k, acquire(mailbox, k)});
        } else if (!all.empty()) {
            const auto at = all.begin() + static_cast<std::ptrdiff_t>(random() % all.size());
            if (what == 9)
                line.too_much(at->t, random() % 2 == 0);
            else
                line.went_well(at->t);
            all.erase(at);
        }
        std::map<std::string, std::size_t> here_for;
        std::size_t here_all = 0, writes = 0, waiting = 0;
        for (const auto& o : all) {
            here_all += o.t.is_granted();
            here_for[o.mailbox] += o.t.is_granted();
            writes += o.t.is_granted() && o.k == kind::write;
            waiting += o.t.waits();
        }
        REQUIRE(here_all == line.under_way());
        REQUIRE(waiting == line.waiting());
        REQUIRE(here_all <= 10);
        for (const auto& [mailbox, count] : here_for)
            REQUIRE((mailbox.empty() || count <= per_mailbox));
        if (here_all < line.most_now())
            for (const auto& o : all)
                if (o.t.waits()) {
                    const bool kept =
                        o.k == kind::write && line.most_now() >= 3 && writes + 1 >= line.most_now();
                    REQUIRE((kept || here_for[o.mailbox] >= line.most_now(o.mailbox)));
                }
    }
}
