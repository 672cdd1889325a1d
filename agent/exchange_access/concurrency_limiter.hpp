// Who may ask Exchange: how many tries are under way at once, in all and for one mailbox, inside what
// Exchange's default throttling policy lets an account do, and fair between mailboxes and between reads and writes.
#pragma once

#include "agent/exchange_access/aimd_limit.hpp"
#include "agent/protocol/operation.hpp"

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

namespace relay::exchange_access {

// Loop thread only. Decides; whoever is called waits for it elsewhere. Outlives its permits.
class concurrency_limiter {
public:
    // Exchange charges an impersonated request to the budget of its mailbox (EwsMaxConcurrency, 27), which Outlook, phones
    // and other programs that act for the mailbox need as well.
    static constexpr std::size_t most_for_one_mailbox = 4;
    // What acts for no mailbox is charged to the service account's own budget, of 27 too: idle probes, a doctor and
    // notifications find room beside it, however high exchange.max_connections is.
    static constexpr std::size_t most_for_the_account = 20;
    // Two mailboxes that are throttled within so short a time are no coincidence: it is the account or the server.
    static constexpr duration coincidence = std::chrono::seconds(10);

    // `most`: in all (exchange.max_connections).
    concurrency_limiter(const time_source& time, std::size_t most);
    ~concurrency_limiter();
    concurrency_limiter(const concurrency_limiter&) = delete;
    concurrency_limiter& operator=(const concurrency_limiter&) = delete;

    // Tries under way are not cut short.
    void set_most(std::size_t most);

    // A place in the line, or the right to ask: one try, whose requests go out one after the other. Given back when it
    // goes.
    class permit {
    public:
        permit() = default;
        permit(permit&&) noexcept = default;
        permit& operator=(permit&&) noexcept = default;

        bool waits() const noexcept;
        bool is_granted() const noexcept;
        // Out of the line, or over.
        void release() noexcept { at_.reset(); }

    private:
        friend class concurrency_limiter;
        struct place;
        struct leaves {
            void operator()(place* p) const noexcept;
        };
        std::unique_ptr<place, leaves> at_;
    };

    // Gets in line. `mailbox`: the one that is impersonated, empty for none. `called` when it is granted, unless
    // it is there at once; it must not acquire or release permits itself.
    permit acquire(std::string mailbox, protocol::operation_class kind, std::function<void()> called);

    // What became of the try that has the permit.
    void went_well(const permit& t);
    // Exchange throttles: the mailbox, or where `whole_server` the service account.
    void too_much(const permit& t, bool whole_server);

    std::size_t under_way() const noexcept { return under_way_; }
    std::size_t waiting() const noexcept { return waiting_; }
    std::size_t most_now() const noexcept { return all_.now(); }
    std::size_t most_now(const std::string& mailbox) const;

private:
    static constexpr std::size_t kinds = 2;

    struct budget {
        explicit budget(std::size_t usual) : most(usual) {}
        aimd_limit most;
        std::size_t under_way = 0, waiting = 0;
    };
    // The tries of one kind that wait for one mailbox, first come, first served.
    struct line {
        std::string mailbox;
        std::list<permit::place*> waiting;
    };
    // Lines in the order in which they are served; one that was served goes to the end.
    using ring = std::list<line>;

    void leave(const permit::place& p) noexcept;
    void serve();
    bool serve_one(std::size_t kind);
    bool may_have_one_more(std::size_t kind) const;
    budget& budget_of(const std::string& mailbox);
    void forget_if_unused(const std::string& mailbox);
    void forget_old_ones();

    const time_source& time_;
    aimd_limit all_;
    std::unordered_map<std::string, budget> budgets_;
    std::array<ring, kinds> rings_;
    std::array<std::size_t, kinds> under_way_of_{};
    std::size_t last_served_ = 0; // kind
    std::size_t under_way_ = 0, waiting_ = 0;
    std::string throttled_last_; // mailbox
    std::optional<steady_time> throttled_at_;
};

} // namespace relay::exchange_access
