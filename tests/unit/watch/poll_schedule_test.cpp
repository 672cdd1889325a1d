#include "agent/watch/poll_schedule.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

using namespace relay;
using relay::watch::poll_schedule;
using store::known_watch;
using store::watched_mailbox;
using store::watched_query;

namespace {

// The store's end of it, on a clock that moves from one due look to the next.
struct rig {
    struct poll {
        duration at; // since the start
        watched_query::which what;
        std::size_t mailboxes;
    };

    poll_schedule plan;
    steady_time start{1h}, now = start;
    std::vector<known_watch> watches;
    std::vector<watched_mailbox> mailboxes;
    std::vector<poll> looks;
    std::map<std::string, std::vector<duration>> seen; // when each mailbox was looked at
    bool failing = false;
    std::int64_t next_place = 1;

    void add(const std::string& id, int count, std::chrono::seconds interval = 300s, bool published = false)
    {
        const store::watch_pace pace{std::chrono::days(60), interval};
        watches.push_back({id, "c-" + id, pace, count});
        for (int i = 0; i < count; ++i)
            mailboxes.push_back({next_place++, id, pace, id + "-" + std::to_string(i),
                                 published ? std::optional<std::string>("b") : std::nullopt});
    }
    void apply() { plan.set(watches, now); }

    std::vector<watched_mailbox> read(const watched_query& q) const
    {
        std::vector<watched_mailbox> page;
        for (const auto& m : mailboxes) {
            const bool meant = q.what == watched_query::which::of_pace ? m.pace == q.pace
                               : q.what == watched_query::which::unseen
                                   ? !m.published
                                   : std::ranges::find(q.keys, m.mailbox) != q.keys.end();
            if (meant && m.place > q.after && page.size() < q.most)
                page.push_back(m);
        }
        return page;
    }

    void run(duration length)
    {
        const auto end = now + length;
        for (int guard = 0; guard < 100'000; ++guard) {
            const auto due = plan.due();
            if (!due || *due > end)
                break;
            now = std::max(now, *due);
            const auto q = plan.next(now);
            REQUIRE(q);
            const auto page = read(*q);
            if (!page.empty())
                looks.push_back({now - start, q->what, page.size()});
            if (failing && !page.empty()) {
                plan.failed(page, now);
                continue;
            }
            for (const auto& m : page) {
                seen[m.mailbox].push_back(now - start);
                for (auto& kept : mailboxes)
                    if (kept.place == m.place)
                        kept.published = "b";
            }
            plan.ended(page, now);
        }
        now = end;
    }

    std::size_t most_looks_in(duration length) const
    {
        std::size_t most = 0;
        for (std::size_t i = 0, from = 0; i < looks.size(); ++i) {
            while (looks[i].at - looks[from].at >= length)
                ++from;
            most = std::max(most, i - from + 1);
        }
        return most;
    }
    duration longest_gap() const
    {
        duration longest{0};
        for (const auto& [mailbox, times] : seen)
            for (std::size_t i = 1; i < times.size(); ++i)
                longest = std::max(longest, times[i] - times[i - 1]);
        return longest;
    }
};

} // namespace

TEST_CASE("a watch of one mailbox is looked at now and then once an interval", "[unit][watch]")
{
    rig r;
    r.plan.set({}, r.now);
    CHECK_FALSE(r.plan.due());
    r.add("w", 1);
    r.apply();
    r.run(1200s);
    CHECK(r.seen["w-0"] == std::vector<duration>{0s, 300s, 600s, 900s, 1200s});
}

TEST_CASE("five thousand mailboxes are looked at evenly, without a burst", "[unit][watch]")
{
    rig r;
    r.plan.set({}, r.now);
    r.add("w", 5000);
    r.apply();
    r.run(1500s);
    CHECK(r.seen.size() == 5000);
    for (const auto& [mailbox, times] : r.seen)
        CHECK(times.front() <= 60s); // the first look is soon
    CHECK(r.longest_gap() <= 301s);
    CHECK(r.most_looks_in(1s) <= 2);
    CHECK(r.most_looks_in(60s) <= 62);
    r.looks.clear();
    r.run(3000s);
    CHECK(r.most_looks_in(60s) <= 11); // 50 batches in 300 s
    CHECK(r.looks.size() <= 501);
    for (const auto& l : r.looks)
        CHECK(l.mailboxes == 100);
}

TEST_CASE("the batches of a round are of one size", "[unit][watch]")
{
    rig r;
    r.plan.set({}, r.now);
    r.add("w", 150, 30s, true);
    r.apply();
    r.run(60s);
    for (const auto& l : r.looks)
        CHECK(l.mailboxes == 75);
    CHECK(r.longest_gap() <= 30s);
}

TEST_CASE("after a start everything is looked at soon, a batch a second", "[unit][watch]")
{
    rig r;
    r.add("w", 1000, 600s, true);
    r.add("v", 50, 300s, true);
    r.apply();
    r.run(30s);
    CHECK(r.seen.size() == 1050);
    CHECK(r.most_looks_in(1s) <= 3);
    r.run(2000s);
    CHECK(r.longest_gap() <= 601s);
}

TEST_CASE("a watch that joins others is looked at at once, and then with them", "[unit][watch]")
{
    rig r;
    r.plan.set({}, r.now);
    r.add("w", 300);
    r.apply();
    r.run(1000s);
    r.add("v", 10);
    r.apply();
    r.run(5s);
    CHECK(r.seen["v-9"].size() == 1);
    r.run(2000s);
    CHECK(r.longest_gap() <= 400s); // the batches became others
}

TEST_CASE("a watch that ended is not looked at any more", "[unit][watch]")
{
    rig r;
    r.plan.set({}, r.now);
    r.add("w", 10);
    r.apply();
    r.run(400s);
    r.watches.clear();
    r.mailboxes.clear();
    r.plan.set({}, r.now);
    CHECK_FALSE(r.plan.due());
}

TEST_CASE("a mailbox that changed is looked at within seconds, many of them together", "[unit][watch]")
{
    rig r;
    r.plan.set({}, r.now);
    r.add("w", 300);
    r.apply();
    r.run(290s);
    r.looks.clear();
    for (int i = 0; i < 3; ++i) {
        r.plan.wake("w-7", r.now);
        r.plan.wake("w-8", r.now);
        r.plan.wake("stranger", r.now);
        r.run(1s);
    }
    const auto woken = std::ranges::find_if(
        r.looks, [](const auto& l) { return l.what == watched_query::which::of_mailboxes; });
    REQUIRE(woken != r.looks.end());
    CHECK(woken->mailboxes == 2);
    CHECK(woken->at <= 292s);
    const auto after = r.looks.size();
    r.run(3s);
    CHECK(r.looks.size() <= after + 1); // what came while they were gathered, once more at most
}

TEST_CASE("looks that fail are repeated with growing pauses, and hold nobody else up for ever",
          "[unit][watch]")
{
    rig r;
    r.plan.set({}, r.now);
    r.add("w", 300);
    r.apply();
    r.failing = true;
    r.run(600s);
    CHECK(r.looks.size() < 400);
    CHECK(r.looks.size() > 20);
    r.failing = false;
    r.run(150s); // a pause, and what was passed over
    CHECK(r.seen.size() == 300);
}
