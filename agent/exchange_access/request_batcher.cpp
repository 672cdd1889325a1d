#include "agent/exchange_access/request_batcher.hpp"

#include "agent/ews/reasons.hpp"

#include <algorithm>
#include <unordered_map>

namespace relay::exchange_access {

// One request for several. Shared by those who wait for it and by the coroutine that asks.
struct batch {
    batch(const asio::any_io_executor& executor, utc_time from, utc_time to)
        : start(from),
          end(to),
          ended(executor)
    {
    }

    utc_time start, end;
    std::vector<mailbox_address> mailboxes;
    std::unordered_map<std::string, std::size_t> columns; // by mailbox_address::key()
    duration limit = duration::max();
    steady_time until{};
    concurrency_limiter::permit permit;
    std::optional<request_batcher::answers> answer; // nothing: a fault of ours, or cancelled
    bool is_over = false;
    notifier ended;
};

namespace {

// A question has half of its time for the joint request, so that it can be asked alone in the other half. Below this it
// is asked alone at once.
constexpr duration shortest_half = 2s;

// A server may answer with one digit for each half hour of the window instead of with periods. Where both ends lie on the
// half hours of the clock, a longer window on them gives the same digits for the same time.
bool is_on_grid(utc_time start, utc_time end)
{
    constexpr milliseconds grid = std::chrono::minutes(30);
    const milliseconds none{0};
    return start.time_since_epoch() % grid == none && end.time_since_epoch() % grid == none &&
           end - start > grid;
}

struct window {
    utc_time start, end;
};

// The window that gives the answers for both; nothing where there is none.
std::optional<window> common_window(const window& a, const window& b)
{
    if (a.start == b.start && a.end == b.end)
        return a;
    const window both{std::min(a.start, b.start), std::max(a.end, b.end)};
    const bool overlap = a.start < b.end && b.start < a.end;
    if (!overlap || !is_on_grid(a.start, a.end) || !is_on_grid(b.start, b.end) ||
        both.end - both.start > ews::max_availability_window)
        return std::nullopt;
    return both;
}

std::size_t count_new(const batch& together, const free_busy_question& q)
{
    return static_cast<std::size_t>(std::ranges::count_if(
        q.mailboxes, [&](const auto& m) { return !together.columns.contains(m.key()); }));
}

// Adds what is new; where each of the question's mailboxes is found in the answers.
std::vector<std::size_t> add(batch& together, const free_busy_question& q)
{
    std::vector<std::size_t> columns;
    for (const auto& mailbox : q.mailboxes) {
        const auto [at, is_new] = together.columns.try_emplace(mailbox.key(), together.mailboxes.size());
        if (is_new)
            together.mailboxes.push_back(mailbox);
        columns.push_back(at->second);
    }
    return columns;
}

std::vector<ews::busy_period> cut(const std::vector<ews::busy_period>& periods, utc_time start, utc_time end)
{
    std::vector<ews::busy_period> inside;
    for (const auto& p : periods)
        if (p.start < end && p.end > start)
            inside.push_back({std::max(p.start, start), std::min(p.end, end), p.status});
    return inside;
}

} // namespace

request_batcher::request_batcher(const asio::any_io_executor& executor, ews::exchange& exchange,
                                 time_source& time, concurrency_limiter& line)
    : executor_(executor),
      exchange_(exchange),
      time_(time),
      line_(line),
      requests_(executor)
{
}

request_batcher::batch_entry::batch_entry(request_batcher& of, requester& who,
                                          concurrency_limiter::permit& mine, std::size_t most, utc_time start,
                                          utc_time end, std::function<free_busy_question()> ask)
    : of_(of),
      who_(who),
      mine_(mine),
      most_(most),
      start_(start),
      end_(end),
      ask_(std::move(ask)),
      place_(of.entries_.insert(of.entries_.end(), this))
{
}

request_batcher::batch_entry::~batch_entry()
{
    of_.entries_.erase(place_);
}

void request_batcher::take_along(batch_entry& first, const free_busy_question& question)
{
    // Nobody's time is cut much shorter by another's: where a request is given up, each of its questions is asked alone.
    const auto own_half = first.who_.request_limit() / 2;
    if (line_.waiting() == 0 || question.mailboxes.size() >= first.most_ || own_half < shortest_half)
        return;
    const auto together = std::make_shared<batch>(executor_, question.start, question.end);
    auto own = add(*together, question);
    for (auto* const other : entries_) {
        if (together->mailboxes.size() >= first.most_)
            break;
        if (other == &first || other->is_taken() || !other->mine_.waits() || other->most_ == 0)
            continue;
        const auto both = common_window({together->start, together->end}, {other->start_, other->end_});
        const auto its_half = other->who_.request_limit() / 2;
        if (!both || its_half < std::max(shortest_half, own_half / 2) || !other->who_.may_start_now())
            continue;
        const auto q = other->ask_();
        if (q.mailboxes.empty() || together->mailboxes.size() + count_new(*together, q) > first.most_)
            continue;
        together->start = both->start;
        together->end = both->end;
        together->limit = std::min(together->limit, its_half);
        other->columns_ = add(*together, q);
        other->in_ = together;
        other->who_.starts();
        other->mine_.release();
        other->who_.wake();
    }
    if (together->limit == duration::max())
        return; // nobody
    together->limit = std::min(together->limit, own_half);
    together->until = time_.now() + together->limit;
    together->permit = std::move(first.mine_);
    first.columns_ = std::move(own);
    first.in_ = together;
    requests_.spawn(ask(together));
}

task<void> request_batcher::ask(std::shared_ptr<batch> together)
{
    try {
        auto got = co_await exchange_.availability(together->mailboxes, together->start, together->end,
                                                   together->limit);
        if (got.has_value())
            line_.went_well(together->permit);
        else if (got.error().retry_action == ews::retry_action::back_off)
            line_.too_much(together->permit, got.error().whole_server);
        together->answer = std::move(got);
    } catch (const std::exception&) {
        together->answer.reset(); // each asks alone, and meets it again where it is not a cancel
    }
    together->is_over = true;
    together->permit.release();
    together->ended.notify();
}

task<std::optional<request_batcher::answers>> request_batcher::answer_of(const batch_entry& s)
{
    using namespace asio::experimental::awaitable_operators;
    const auto together = s.in_;
    for (auto now = time_.now(); !together->is_over && now < together->until; now = time_.now())
        co_await (time_.sleep_for(together->until - now) || together->ended.wait());
    if (!together->answer)
        co_return std::nullopt;
    if (together->answer->has_error()) {
        // That is about all of us. Anything else may be one mailbox's doing.
        const auto& e = together->answer->error();
        if (e.retry_action == ews::retry_action::back_off || e.retry_action == ews::retry_action::sign_in)
            co_return answers(e);
        co_return std::nullopt;
    }
    answers own{std::vector<ews::mailbox_busy>()};
    for (const auto column : s.columns_) {
        const auto& got = together->answer->value().at(column);
        if (got.has_value())
            own->emplace_back(cut(*got, s.start_, s.end_));
        else if (ews::is_lasting(got.error()))
            own->emplace_back(got.error());
        else
            co_return std::nullopt;
    }
    co_return own;
}

task<void> request_batcher::end()
{
    requests_.stop();
    co_await requests_.join();
}

} // namespace relay::exchange_access
