#include "tests/stand_ins/exchange/throttling.hpp"

#include <algorithm>
#include <stdexcept>

namespace relay::exchange_sim {
namespace {

namespace json = boost::json;

constexpr std::uint64_t highest_limit = 1'000'000;
constexpr duration rate_window = std::chrono::minutes(1);

std::uint64_t number(std::string_view key, const json::value& value)
{
    error_code ec;
    const auto n = value.to_number<std::uint64_t>(ec);
    if (ec || n > highest_limit)
        throw std::invalid_argument("throttling: " + std::string(key) + " must be a number from 0 to " +
                                    std::to_string(highest_limit));
    return n;
}

void read_field(throttling_policy& p, std::string_view key, const json::value& value)
{
    if (key == "max_concurrency")
        p.max_concurrency = number(key, value);
    else if (key == "account_concurrency")
        p.account_concurrency = number(key, value);
    else if (key == "message_rate")
        p.message_rate = number(key, value);
    else if (key == "back_off_ms")
        p.back_off_ms = static_cast<std::int64_t>(number(key, value));
    else if (key == "answer") {
        const bool known = value.is_string() && (value == "fault" || value == "message");
        if (!known)
            throw std::invalid_argument("throttling: answer must be fault or message");
        p.answer = value == "message" ? throttling_policy::form::message : throttling_policy::form::fault;
    } else
        throw std::invalid_argument("throttling: there is no field " + std::string(key));
}

} // namespace

throttling_policy read_throttling(const json::value& wanted)
{
    if (!wanted.is_object())
        throw std::invalid_argument("the throttling policy must be an object");
    throttling_policy p;
    for (const auto& [key, value] : wanted.get_object())
        read_field(p, key, value);
    return p;
}

void throttling::apply(const throttling_policy& p)
{
    policy_ = p;
    refused_ = 0;
    std::erase_if(*budgets_, [](const auto& entry) { return entry.second.now == 0; });
    for (auto& [name, use] : *budgets_) {
        use.most = use.now;
        use.refused = 0;
        use.sent.clear();
    }
}

throttling::admission throttling::admit(const std::string& budget, bool sends, steady_time now)
{
    auto& use = (*budgets_)[budget];
    std::uint64_t all = 0;
    for (const auto& [name, other] : *budgets_)
        all += other.now;
    while (!use.sent.empty() && use.sent.front() + rate_window <= now)
        use.sent.pop_front();

    admission a;
    if (policy_.max_concurrency != 0 && use.now >= policy_.max_concurrency)
        a.refused = busy("MaxConcurrency", policy_.max_concurrency, milliseconds{0});
    else if (policy_.account_concurrency != 0 && all >= policy_.account_concurrency)
        a.refused = busy("MaxConcurrency", policy_.account_concurrency, milliseconds{0});
    else if (sends && policy_.message_rate != 0 && use.sent.size() >= policy_.message_rate)
        a.refused = busy("MessageRate", policy_.message_rate,
                         std::chrono::duration_cast<milliseconds>(use.sent.front() + rate_window - now));
    if (a.refused) {
        ++use.refused;
        ++refused_;
        return a;
    }
    if (sends && policy_.message_rate != 0)
        use.sent.push_back(now);
    use.most = std::max(use.most, ++use.now);
    a.held =
        charge(budgets_.get(), [all_budgets = budgets_, budget](void*) { --all_budgets->at(budget).now; });
    return a;
}

// What Exchange says where a limit is reached. A rate names the time until it has room again, unless the policy names one.
refusal throttling::busy(const std::string& limit, std::uint64_t value, milliseconds until) const
{
    refusal r{"ErrorServerBusy", "The server cannot service this request right now. Try again later.", {}};
    const auto back_off = policy_.back_off_ms > 0 ? policy_.back_off_ms : until.count();
    if (back_off > 0) {
        r.values.emplace_back("BackOffMilliseconds", std::to_string(back_off));
        return r;
    }
    r.values.emplace_back("Policy", limit);
    r.values.emplace_back(limit + "Limit", std::to_string(value));
    r.values.emplace_back("ErrorMessage", "This operation exceeds the throttling budget for policy part '" +
                                              limit + "', policy value '" + std::to_string(value) +
                                              "'. Suggested backoff time 0 ms.");
    return r;
}

} // namespace relay::exchange_sim
