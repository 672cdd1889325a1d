#include "agent/watch/poll_schedule.hpp"

#include <algorithm>
#include <utility>

namespace relay::watch {
namespace {

constexpr duration first_pause = std::chrono::seconds(2);
constexpr int most_doublings = 6;

} // namespace

std::int64_t poll_schedule::batches(const walk& w)
{
    constexpr auto size = static_cast<std::int64_t>(batch);
    return std::max<std::int64_t>(1, (w.mailboxes + size - 1) / size);
}

duration poll_schedule::distance(const walk& w, const store::watch_pace& p)
{
    const duration even = duration(p.interval) / batches(w);
    return w.first ? std::min(quick, even) : even;
}

duration poll_schedule::pause(int failures)
{
    return std::min(longest_pause, first_pause * (1 << std::clamp(failures - 1, 0, most_doublings)));
}

// As quick as may be, and not so slow that the shortest interval passes before the last one was looked at.
duration poll_schedule::unseen_distance() const
{
    auto shortest = quick;
    for (const auto& [pace, w] : schedule_)
        shortest = std::min(shortest, duration(pace.interval) / batches(w));
    return shortest;
}

void poll_schedule::set(const std::vector<store::known_watch>& watches, steady_time now)
{
    std::map<store::watch_pace, std::int64_t> mailboxes;
    for (const auto& w : watches)
        mailboxes[w.pace] += w.mailboxes;
    std::erase_if(schedule_, [&](const auto& r) { return !mailboxes.contains(r.first); });
    auto start = now;
    for (const auto& [pace, count] : mailboxes) {
        const auto found = schedule_.find(pace);
        if (found != schedule_.end()) {
            auto& w = found->second;
            w.mailboxes = count;
            w.due = std::min(w.due, now + distance(w, pace));
            continue;
        }
        walk w;
        w.mailboxes = count;
        w.first = !started_;
        if (w.first) {
            start += quick; // several schedules do not begin at once
            w.due = start;
        } else { // its first looks are those at what was never looked at
            w.due = now + std::max(distance(w, pace), std::min<duration>(pace.interval, batches(w) * quick));
        }
        schedule_.emplace(pace, w);
    }
    started_ = true;
    if (watches.empty()) {
        unseen_.reset();
        woken_.clear();
    } else if (!unseen_) {
        unseen_.emplace();
        unseen_->due = now;
        unseen_left_ = false;
    }
}

void poll_schedule::wake(std::string mailbox, steady_time now)
{
    if (schedule_.empty() || woken_.size() >= most_woken)
        return;
    if (woken_.empty())
        woken_due_ = std::max(woken_due_, now + gather);
    woken_.insert(std::move(mailbox));
}

std::optional<steady_time> poll_schedule::due() const
{
    std::optional<steady_time> first;
    const auto consider = [&](steady_time t) { first = first ? std::min(*first, t) : t; };
    if (unseen_)
        consider(unseen_->due);
    if (!woken_.empty())
        consider(woken_due_);
    for (const auto& [pace, w] : schedule_)
        consider(w.due);
    return first;
}

std::optional<store::watched_query> poll_schedule::next(steady_time now)
{
    looking_ = ordering_key::none;
    const auto first = due();
    if (!first || *first > now)
        return std::nullopt;
    store::watched_query q;
    if (unseen_ && unseen_->due == *first) {
        looking_ = ordering_key::unseen;
        q.what = store::watched_query::which::unseen;
        q.after = unseen_->after;
        q.most = batch;
        return q;
    }
    if (!woken_.empty() && woken_due_ == *first) {
        looking_ = ordering_key::woken;
        looking_keys_.clear();
        while (!woken_.empty() && looking_keys_.size() < batch)
            looking_keys_.push_back(std::move(woken_.extract(woken_.begin()).value()));
        q.what = store::watched_query::which::of_mailboxes;
        q.keys = looking_keys_;
        q.most = batch;
        return q;
    }
    const auto round = std::ranges::find_if(schedule_, [&](const auto& r) { return r.second.due == *first; });
    looking_ = ordering_key::round;
    looking_pace_ = round->first;
    const auto& w = round->second;
    q.what = store::watched_query::which::of_pace;
    q.pace = round->first;
    q.after = w.after;
    q.most = static_cast<std::size_t>((w.mailboxes + batches(w) - 1) / batches(w));
    return q;
}

// To the next batch of a round, or to its beginning.
void poll_schedule::go_on(walk& w, const store::watch_pace& p,
                          const std::vector<store::watched_mailbox>& found, steady_time now)
{
    w.failures = 0;
    const bool nothing_left = found.empty() && w.after == 0;
    const bool past_the_end = found.empty() && w.after != 0;
    w.done += static_cast<std::int64_t>(found.size());
    if (!found.empty())
        w.after = found.back().place;
    if (found.empty() || w.done >= w.mailboxes) {
        w.after = 0;
        w.done = 0;
        w.first = false;
    }
    if (nothing_left)
        w.due = now + p.interval;
    else if (!past_the_end) // else at once: nothing was asked
        w.due = std::max(w.due + distance(w, p), now);
}

void poll_schedule::ended(const std::vector<store::watched_mailbox>& found, steady_time now)
{
    const auto which = std::exchange(looking_, ordering_key::none);
    if (which == ordering_key::woken) {
        woken_failures_ = 0;
        woken_due_ = now + gather;
    } else if (which == ordering_key::unseen && unseen_) {
        unseen_->failures = 0;
        if (!found.empty()) {
            unseen_->after = found.back().place;
            unseen_->due = now + unseen_distance();
        } else if (std::exchange(unseen_left_, false)) {
            unseen_->after = 0;
            unseen_->due = now + longest_pause;
        } else {
            unseen_.reset();
        }
    } else if (which == ordering_key::round) {
        if (const auto round = schedule_.find(looking_pace_); round != schedule_.end())
            go_on(round->second, round->first, found, now);
    }
}

void poll_schedule::failed(const std::vector<store::watched_mailbox>& found, steady_time now)
{
    const auto which = std::exchange(looking_, ordering_key::none);
    if (which == ordering_key::woken) {
        if (++woken_failures_ < most_failures)
            woken_.insert(looking_keys_.begin(), looking_keys_.end());
        else
            woken_failures_ = 0;
        woken_due_ = now + pause(woken_failures_);
    } else if (which == ordering_key::unseen && unseen_) {
        unseen_->due = now + pause(++unseen_->failures);
        if (unseen_->failures >= most_failures && !found.empty()) {
            unseen_->after = found.back().place;
            unseen_->failures = 0;
            unseen_left_ = true;
        }
    } else if (which == ordering_key::round) {
        const auto round = schedule_.find(looking_pace_);
        if (round == schedule_.end())
            return;
        auto& w = round->second;
        const auto after = now + pause(++w.failures);
        if (w.failures >= most_failures && !found.empty())
            go_on(w, round->first, found, now);
        w.due = std::max(w.due, after);
    }
}

} // namespace relay::watch
