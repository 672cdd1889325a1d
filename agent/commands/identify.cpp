#include "agent/commands/identify.hpp"

#include "common/async/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace relay::commands {
namespace {

// What several askers share; the first that fails ends all.
struct shared_list {
    std::vector<mailbox_address> left;
    std::optional<ending> over{};
};

task<std::optional<ending>> identify(command_run& run, mailbox_address who)
{
    concurrency_limiter::permit mine;
    const std::function<bool()> known = [&] { // another command may have asked meanwhile
        return run.use().recipients.find(who, run.use().time.now()) != nullptr;
    };
    for (;;) {
        auto over = co_await run.before_try(mine, known);
        if (over || known())
            co_return over;
        auto found =
            co_await exchange_access::look_up_recipient(run.use().exchange, who, run.request_limit());
        if (found.has_value()) {
            run.succeeded(mine);
            run.use().recipients.learn(who, *std::move(found), run.use().time.now());
            co_return std::nullopt;
        }
        over = co_await run.after_failure(found.error(), mine);
        if (over)
            co_return over;
    }
}

task<void> ask_on(command_run& run, shared_list& list)
{
    while (!list.over && !list.left.empty()) {
        auto next = std::move(list.left.back());
        list.left.pop_back();
        auto over = co_await identify(run, std::move(next));
        if (over)
            list.over = std::move(over);
    }
}

task<std::optional<ending>> identify_all(command_run& run, std::vector<mailbox_address> strangers)
{
    shared_list list{std::move(strangers)};
    if (list.left.empty())
        co_return std::nullopt;
    run.ends_asking(); // with one connection, nobody else gets a permit while it keeps its own
    task_group askers(co_await asio::this_coro::executor);
    const auto wanted = std::min(list.left.size(), static_cast<std::size_t>(run.bounds().parallel_parts));
    for (std::size_t i = 0; i < wanted; ++i)
        askers.spawn(ask_on(run, list));
    co_await askers.join();
    co_return std::move(list.over);
}

} // namespace

task<std::optional<ending>> identify_mailboxes(command_run& run, std::span<const mailbox_address> mailboxes)
{
    auto& s = run.use();
    auto some = exchange_access::strangers(s.policy, s.recipients, mailboxes, s.time.now());
    co_return co_await identify_all(run, std::move(some));
}

task<std::optional<ending>> identify_invited(command_run& run)
{
    auto some = run.strangers();
    co_return co_await identify_all(run, std::move(some));
}

} // namespace relay::commands
