#include "agent/exchange_access/concurrency_limiter.hpp"

#include <algorithm>
#include <cassert>

namespace relay::exchange_access {
namespace {

// From here on one place is kept for reads: a read is worth nothing after its 30 s, and so many writes may hang for as
// long. (A write lives for a day: it can wait for the reads' answers, and every second permit is a write's.)
constexpr std::size_t keeps_one_for_reads = 3;
// Budgets that are remembered although nothing is under way for them: their mailboxes were throttled lately.
constexpr std::size_t most_remembered = 1000;

constexpr std::size_t index_of(protocol::operation_class kind)
{
    return kind == protocol::operation_class::read ? 0 : 1;
}
constexpr std::size_t writes = index_of(protocol::operation_class::write);

} // namespace

struct concurrency_limiter::permit::place {
    concurrency_limiter& of;
    std::string mailbox;
    std::size_t kind;
    std::function<void()> called;
    bool here = false;
    steady_time began{}; // once it is here
};

void concurrency_limiter::permit::leaves::operator()(place* p) const noexcept
{
    const std::unique_ptr<place> gone(p);
    p->of.leave(*p);
}

bool concurrency_limiter::permit::waits() const noexcept
{
    return at_ && !at_->here;
}

bool concurrency_limiter::permit::is_granted() const noexcept
{
    return at_ && at_->here;
}

concurrency_limiter::concurrency_limiter(const time_source& time, std::size_t most) : time_(time), all_(most)
{
}

concurrency_limiter::~concurrency_limiter()
{
    assert(under_way_ == 0 && waiting_ == 0);
}

void concurrency_limiter::set_most(std::size_t most)
{
    all_.set_most(most);
    serve();
}

std::size_t concurrency_limiter::most_now(const std::string& mailbox) const
{
    const auto found = budgets_.find(mailbox);
    if (found != budgets_.end())
        return found->second.most.now();
    return mailbox.empty() ? most_for_the_account : most_for_one_mailbox;
}

concurrency_limiter::permit concurrency_limiter::acquire(std::string mailbox, protocol::operation_class kind,
                                                         std::function<void()> called)
{
    permit t;
    t.at_.reset(new permit::place{*this, std::move(mailbox), index_of(kind), {}});
    auto& p = *t.at_;
    ++budget_of(p.mailbox).waiting;
    ++waiting_;
    auto& lines = rings_.at(p.kind);
    const auto found = std::ranges::find(lines, p.mailbox, &line::mailbox);
    auto& mine = found != lines.end() ? *found : lines.emplace_back(line{p.mailbox, {}});
    mine.waiting.push_back(&p);
    serve();
    if (!p.here)
        p.called = std::move(called);
    return t;
}

void concurrency_limiter::leave(const permit::place& p) noexcept
{
    auto& b = budget_of(p.mailbox);
    if (p.here) {
        --b.under_way;
        --under_way_;
        --under_way_of_.at(p.kind);
    } else {
        --b.waiting;
        --waiting_;
        auto& lines = rings_.at(p.kind);
        const auto mine = std::ranges::find(lines, p.mailbox, &line::mailbox);
        std::erase(mine->waiting, &p);
        if (mine->waiting.empty())
            lines.erase(mine);
    }
    forget_if_unused(p.mailbox);
    serve();
}

void concurrency_limiter::serve()
{
    while (waiting_ > 0 && under_way_ < all_.now()) {
        // Reads and writes in turn where both wait.
        const auto other = (last_served_ + 1) % kinds;
        if (!serve_one(other) && !serve_one(last_served_))
            return;
    }
}

// Gives a permit to the first of the first line whose mailbox may have one more.
bool concurrency_limiter::serve_one(std::size_t kind)
{
    if (!may_have_one_more(kind))
        return false;
    auto& lines = rings_.at(kind);
    const auto next = std::ranges::find_if(lines, [&](const line& l) {
        const auto& b = budgets_.at(l.mailbox);
        return b.under_way < b.most.now();
    });
    if (next == lines.end())
        return false;
    auto& p = *next->waiting.front();
    next->waiting.pop_front();
    if (next->waiting.empty())
        lines.erase(next);
    else
        lines.splice(lines.end(), lines, next);

    auto& b = budgets_.at(p.mailbox);
    --b.waiting;
    --waiting_;
    ++b.under_way;
    ++under_way_;
    ++under_way_of_.at(kind);
    last_served_ = kind;
    p.here = true;
    p.began = time_.now();
    if (p.called)
        p.called();
    return true;
}

bool concurrency_limiter::may_have_one_more(std::size_t kind) const
{
    const auto most = all_.now();
    return kind != writes || most < keeps_one_for_reads || under_way_of_.at(writes) + 1 < most;
}

void concurrency_limiter::went_well(const permit& t)
{
    if (!t.is_granted())
        return;
    const auto now = time_.now();
    all_.went_well(t.at_->began, now);
    budget_of(t.at_->mailbox).most.went_well(t.at_->began, now);
    serve();
}

void concurrency_limiter::too_much(const permit& t, bool whole_server)
{
    if (!t.is_granted())
        return;
    const auto& p = *t.at_;
    const auto now = time_.now();
    budget_of(p.mailbox).most.too_much(p.began, now);
    const bool spreads = throttled_at_ && now - *throttled_at_ < coincidence && throttled_last_ != p.mailbox;
    if (whole_server || spreads)
        all_.too_much(p.began, now);
    throttled_last_ = p.mailbox;
    throttled_at_ = now;
}

concurrency_limiter::budget& concurrency_limiter::budget_of(const std::string& mailbox)
{
    if (const auto found = budgets_.find(mailbox); found != budgets_.end())
        return found->second;
    if (budgets_.size() >= most_remembered)
        forget_old_ones();
    const auto most = mailbox.empty() ? most_for_the_account : most_for_one_mailbox;
    return budgets_.emplace(mailbox, budget(most)).first->second;
}

void concurrency_limiter::forget_if_unused(const std::string& mailbox)
{
    const auto found = budgets_.find(mailbox);
    const auto& b = found->second;
    const bool unused = b.under_way == 0 && b.waiting == 0;
    if (unused && (b.most.is_forgotten(time_.now()) || budgets_.size() > most_remembered))
        budgets_.erase(found);
}

void concurrency_limiter::forget_old_ones()
{
    const auto now = time_.now();
    std::erase_if(budgets_, [&](const auto& entry) {
        const auto& b = entry.second;
        return b.under_way == 0 && b.waiting == 0 && b.most.is_forgotten(now);
    });
}

} // namespace relay::exchange_access
