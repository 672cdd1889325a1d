// Exchange's throttling policy: how much of the server one budget may use at once. An impersonated request is charged to
// the mailbox it acts for, any other to the service account.
#pragma once

#include "common/time/time_source.hpp"
#include "tests/stand_ins/exchange/refusal.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace relay::exchange_sim {

// As Exchange 2013 and newer come. 0 in a limit: none.
struct throttling_policy {
    enum class form { fault, message }; // HTTP status 500, or a response message of class Error

    std::uint64_t max_concurrency = 27;    // EwsMaxConcurrency: requests of one budget at once
    std::uint64_t account_concurrency = 0; // requests of the service account at once, whomever it acts for
    std::uint64_t message_rate = 0;        // MessageRateLimit: requests of one mailbox that send, a minute
    std::int64_t back_off_ms = 0;          // 0: the answer names the policy and no time
    form answer = form::fault;
};

// Reads the JSON of PUT /throttling: what is absent is as Exchange comes. Throws std::invalid_argument in plain words.
throttling_policy read_throttling(const boost::json::value& wanted);

// What one budget has seen.
struct budget_use {
    std::uint64_t now = 0, most = 0, refused = 0;
    std::deque<steady_time> sent; // within the last minute, where message_rate is limited
};

// Loop thread only.
class throttling {
public:
    // Charges requests from now on so, and counts anew; what is under way stays counted.
    void apply(const throttling_policy& p);
    const throttling_policy& policy() const noexcept { return policy_; }

    // A request that was let in is charged as long as this lives.
    using charge = std::shared_ptr<void>;
    struct admission {
        charge held;                    // null: refused
        std::optional<refusal> refused; // why
    };
    // `budget`: the mailbox in lower case, empty for the service account's own.
    admission admit(const std::string& budget, bool sends, steady_time now);

    const std::map<std::string, budget_use>& budgets() const noexcept { return *budgets_; }
    std::uint64_t refused() const noexcept { return refused_; }

private:
    refusal busy(const std::string& limit, std::uint64_t value, milliseconds until) const;

    throttling_policy policy_;
    // Shared with the charges under way, which may outlive a connection's session.
    std::shared_ptr<std::map<std::string, budget_use>> budgets_ =
        std::make_shared<std::map<std::string, budget_use>>();
    std::uint64_t refused_ = 0;
};

} // namespace relay::exchange_sim
