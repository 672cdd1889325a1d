// What is put into the outbox, and how it becomes durable. (How it leaves: outbox.cpp.)
#include "agent/protocol/codec.hpp"
#include "agent/store/loop/outbox.hpp"
#include "agent/store/loop/smaller_message.hpp"
#include "common/log_event/log_event.hpp"
#include "common/time/backoff.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

namespace relay::store {
namespace {

constexpr backoff::limits store_retry{500ms, 30s};
constexpr std::size_t room_for_seq = 32; // what with_seq() adds at most: ,"seq":9223372036854775807

} // namespace

// ---- what comes in ----

void outbox::reply(std::string frame)
{
    if (up_)
        pass({std::move(frame), {}, {}});
}

void outbox::repeat(sequence seq, std::string_view body)
{
    if (seq <= taken_)
        reply(protocol::with_seq(body, seq));
}

void outbox::pass(passing p)
{
    passing_bytes_ += p.frame.size();
    passing_.push_back(std::move(p));
    filled_.notify();
}

task<result<void>> outbox::finish(protocol::result r, std::optional<event_write> event)
{
    auto body = protocol::encode(r);
    if (body.size() + room_for_seq > max_bytes_)
        body = made_small(body, max_bytes_);
    const auto outcome = r.output.has_error() ? protocol::name(r.output.error().code) : "ok";
    const write_end end{clock_.at_the_latest(), std::string(outcome), r.attempts, r.took, std::move(event)};
    backoff delays(store_retry, std::random_device{}());
    for (;;) {
        const auto seq = co_await store_.finish(r.id, body, end);
        if (seq.has_value()) {
            unnamed.debug(log_, log_subject{r.id, {}, {}}, "{}: its result is stored as message {}", r.id,
                          *seq);
            stored({*seq, std::move(body), r.id, {}});
            co_return result<void>();
        }
        if (seq.error() != failure::transient)
            co_return seq.error();
        if (const auto ec = co_await time_.sleep_for(delays.next()))
            co_return ec;
    }
}

task<void> outbox::answer_read(protocol::result r, steady_time deadline)
{
    passing p{fitted(protocol::encode(r)), r.id, deadline};
    if (!up_) {
        const bool safe = co_await store_read(p);
        if (safe)
            co_return;
    }
    const bool room = passing_.size() < most_kept_reads && passing_bytes_ < most_reply_bytes;
    if (!up_ && !room) {
        log_.warn("queue: the result of read {} is dropped: the link is down and nothing can be stored",
                  p.id);
        co_return;
    }
    pass(std::move(p));
}

task<bool> outbox::store_read(const passing& read)
{
    const auto left = std::chrono::ceil<milliseconds>(*read.deadline - time_.now());
    const auto seq = co_await store_.append(read.frame, read.id, time_.utc_now() + left);
    if (seq.has_error())
        co_return false;
    stored({*seq, read.frame, read.id, time_.utc_now() + left});
    co_return true;
}

task<result<sequence>> outbox::publish(std::string body)
{
    const auto seq = co_await store_.append(body, {}, {});
    if (seq.has_value())
        stored({*seq, std::move(body), {}, {}});
    co_return seq;
}

task<result<void>> outbox::publish(std::vector<observation> seen)
{
    // Behind others they wait on the disk, where newer ones can take their place.
    const bool at_once = nothing_waits();
    std::vector<std::string> bodies;
    bodies.reserve(seen.size());
    for (const auto& s : seen)
        bodies.push_back(s.body);
    const auto done = co_await store_.publish(std::move(seen), at_once);
    if (done.has_error())
        co_return done.error();
    published(*done, std::move(bodies), at_once);
    co_return result<void>();
}

task<result<void>> outbox::publish_changes(std::vector<event_observation> seen)
{
    const bool at_once = nothing_waits();
    std::vector<std::string> bodies;
    for (const auto& s : seen)
        for (const auto& news : s.publish)
            bodies.push_back(news.body);
    const auto done = co_await store_.publish_changes(std::move(seen), at_once);
    if (done.has_error())
        co_return done.error();
    published(*done, std::move(bodies), at_once);
    co_return result<void>();
}

void outbox::published(const std::vector<stored_observation>& became, std::vector<std::string> bodies,
                       bool at_once)
{
    for (std::size_t i = 0; i < became.size(); ++i)
        if (became[i].became == stored_observation::how::added)
            stored({became[i].seq, std::move(bodies[i]), {}, {}, !at_once});
}

// True where a message stored now goes out at once.
bool outbox::nothing_waits() const noexcept
{
    return up_ && refreshed_ && cached_to_ >= tail_ && ready_.size() < most_ready &&
           ready_bytes_ < most_ready_bytes;
}

// Spares the way back from disk where nothing before it is waiting there.
void outbox::stored(stored_message m)
{
    tail_ = std::max(tail_, m.seq);
    const bool fits = ready_.size() < most_ready && ready_bytes_ + m.body.size() <= most_ready_bytes;
    if (up_ && refreshed_ && fits && !m.replaceable && m.seq <= may_send_ && m.seq == cached_to_ + 1) {
        cached_to_ = m.seq;
        ready_bytes_ += m.body.size();
        ready_.push_back(std::move(m));
    }
    filled_.notify();
}

} // namespace relay::store
