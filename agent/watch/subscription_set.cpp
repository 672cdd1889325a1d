#include "agent/watch/subscription_set.hpp"

#include <boost/asio/this_coro.hpp>

#include <set>

namespace relay::watch {
namespace {

constexpr std::size_t mailboxes_a_page = 1'000;
constexpr duration gather = std::chrono::milliseconds(500); // changes come in bursts
constexpr duration after_trouble = std::chrono::seconds(5); // of the store

} // namespace

task<void> subscription_set::run()
{
    for (;;) {
        if (!stale_) {
            const auto cancelled = co_await changed_.wait();
            if (cancelled)
                co_return;
        }
        const auto interrupted = co_await parts_.time.sleep_for(gather);
        if (interrupted)
            co_return;
        stale_ = false;
        const auto done = co_await renew();
        if (done.has_value())
            continue;
        stale_ = true;
        const auto ended = co_await parts_.time.sleep_for(after_trouble);
        if (ended)
            co_return;
    }
}

task<result<void>> subscription_set::renew()
{
    std::vector<mailbox_address> all;
    std::set<std::string> keys;
    const auto add = [&](const mailbox_address& m) {
        if (may_be_followed(parts_.policy, m) && keys.insert(m.key()).second)
            all.push_back(m);
    };
    std::string after;
    while (wanted_) {
        const auto page = co_await parts_.store.watched_mailboxes(after, mailboxes_a_page);
        if (page.has_error())
            co_return page.error();
        if (after.empty())
            for (const auto& m : parts_.own.mailboxes())
                add(m);
        for (const auto& key : *page)
            if (const auto m = mailbox_address::parse(key); m.has_value())
                add(*m);
        if (page->size() < mailboxes_a_page)
            break;
        after = page->back();
    }
    parts_.by.follow(all);
    co_return result<void>();
}

} // namespace relay::watch
