// Takes commands from the inbox, carries them out against Exchange, and puts their results in the outbox. Commands for
// one event run one after the other in the order received, everything else side by side.
#pragma once

#include "agent/commands/command_run.hpp"
#include "agent/exchange_access/request_batcher.hpp"
#include "agent/protocol/ended_command.hpp"
#include "agent/store/loop/inbox.hpp"
#include "agent/store/loop/outbox.hpp"
#include "common/async/task_group.hpp"

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace relay::commands {

// Loop thread only.
class dispatcher {
public:
    struct parts {
        store::inbox& in;
        store::outbox& out;
        store::queue_store& store;
        ews::exchange& exchange;
        time_source& time;
        const policy::policy& policy; // asked again before each try of a command: it may have changed since
        std::function<task<json::object>()> diagnose;
        spdlog::logger& log;
        command_listener& listener;
    };

    dispatcher(asio::any_io_executor executor, parts p, limits l, std::uint64_t seed);

    // Works until the coroutine is cancelled; then cancels what still runs and returns when it is gone. A write that is
    // cut off so is found begun at the next start.
    task<void> run();

    // Shutdown begins: no new try is made. Requests under way may finish; commands that wait end or are left for the
    // next start.
    void drain();

    // For an administrator, of a stored write: see command_run::retry_now() and drop().
    admin_request retry_now(std::string_view id);
    admin_request drop(std::string_view id);

    circuit_breaker& gate() noexcept { return gate_; }
    concurrency_limiter& line() noexcept { return limiter_; }
    exchange_access::mailbox_quarantine& quarantine() noexcept { return batcher_.quarantine(); }
    exchange_access::recipients& recipients() noexcept { return recipients_; }
    void set_limits(limits l);

private:
    // The commands of one event, first to come first to run.
    using ordering_key = std::deque<std::shared_ptr<command_run>>;

    void take(store::context_ptr t);
    task<void> carry_out(std::shared_ptr<command_run> run);
    task<std::optional<ending>> wait_for_earlier(command_run& run);
    task<ending> perform(command_run& run);
    command_run* find_write(std::string_view id);
    void tell(const store::command_context& t, const ending& end, milliseconds took,
              protocol::ended_command::answer how = protocol::ended_command::answer::result) const;
    void leave_order(const command_run& run);
    void wake_all();

    asio::any_io_executor executor_;
    parts parts_;
    limits limits_;
    std::mt19937_64 random_;
    circuit_breaker gate_;
    concurrency_limiter limiter_;
    request_batcher batcher_;
    policy::invitation_rate invitations_;
    exchange_access::recipients recipients_;
    services services_;
    task_group handlers_;
    std::unordered_map<std::string, ordering_key> ordered_;
    std::unordered_set<std::shared_ptr<command_run>> runs_;
    bool draining_ = false;
};

} // namespace relay::commands
