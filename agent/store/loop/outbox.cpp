#include "agent/store/loop/outbox.hpp"

#include "agent/protocol/codec.hpp"
#include "agent/store/loop/smaller_message.hpp"

#include <boost/asio/this_coro.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace relay::store {
namespace {

constexpr std::size_t page_messages = 512;
constexpr std::size_t page_bytes = 512 * 1'024;

std::string too_late(std::string_view body)
{
    return with_outcome(
        body,
        {protocol::fault_code::deadline_exceeded, "ttl_ms passed while the link to the cloud was down", {}});
}

task<bool> cancelled()
{
    const auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

} // namespace

outbox::outbox(asio::any_io_executor executor, queue_store& store, time_source& time, spdlog::logger& log)
    : store_(store),
      time_(time),
      clock_(time),
      log_(log),
      filled_(executor),
      drained_(executor),
      idled_(executor),
      flushed_now_(executor),
      session_ends_(executor),
      acks_(executor)
{
}

task<result<void>> outbox::recover()
{
    const auto us = co_await store_.who();
    if (us.has_error())
        co_return us.error();
    stand(*us);
    co_return result<void>();
}

task<void> outbox::stop()
{
    acks_.stop();
    co_await acks_.join();
}

// ---- sessions ----

void outbox::link_up(sequence acked, std::size_t max_message_bytes)
{
    up_ = true;
    refreshed_ = false;
    ++session_;
    max_bytes_ = max_message_bytes;
    forget_ready();
    // Reads that had to be kept here while the link was down go out like those that were stored meanwhile.
    for (auto& p : passing_)
        if (p.deadline && time_.now() >= *p.deadline) {
            passing_bytes_ -= p.frame.size();
            p.frame = too_late(p.frame);
            passing_bytes_ += p.frame.size();
        }
    sent_ = std::max(sent_, std::min(acked, tail_)); // whoever calls this has judged it
    // Less than before, of what is still here: the cloud lost it and gets it again.
    acked_ = std::min(acked_, std::max(acked, flushed_));
    acknowledge(acked);
    taken_ = cached_to_ = std::min(acked, tail_);
    filled_.notify();
}

task<void> outbox::link_down()
{
    // What is under way here must end whole. (Not reset_cancellation_state(): that would outlast this call.)
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    up_ = false;
    ++session_;
    forget_ready();
    drained_.notify();
    idled_.notify();
    filled_.notify();
    session_ends_.notify();

    auto left = std::exchange(passing_, {});
    std::deque<passing> kept;
    for (auto& p : left) {
        const bool safe = !p.deadline || co_await store_read(p);
        if (!safe)
            kept.push_back(std::move(p));
    }
    // Reads that ended meanwhile and could not be stored either are behind these.
    kept.insert(kept.end(), std::make_move_iterator(passing_.begin()),
                std::make_move_iterator(passing_.end()));
    passing_.clear();
    passing_bytes_ = 0;
    for (auto& p : kept)
        pass(std::move(p));

    // Before a renumbering, which may follow, no acknowledgement of an old number may be under way.
    while (flushing_)
        co_await flushed_now_.wait();
    co_await asio::this_coro::throw_if_cancelled(throws);
}

// ---- what goes out ----

task<result<std::string>> outbox::next()
{
    for (;;) {
        // Looked at after every wait: a frame must not be taken by a caller that will not see it.
        const bool gone = co_await cancelled();
        if (gone)
            co_return asio::error::operation_aborted;
        error_code ec;
        if (up_ && !passing_.empty())
            co_return take_passing();
        else if (up_ && !refreshed_)
            ec = co_await refresh();
        else if (up_ && !ready_.empty())
            co_return take_stored();
        else if (up_ && cached_to_ < tail_)
            ec = co_await fetch();
        else {
            idled_.notify();
            ec = co_await filled_.wait();
        }
        if (ec)
            co_return ec;
    }
}

bool outbox::idle() const noexcept
{
    return !up_ || (passing_.empty() && refreshed_ && ready_.empty() && cached_to_ >= tail_);
}

task<error_code> outbox::until_idle()
{
    while (!idle())
        if (const auto ec = co_await idled_.wait())
            co_return ec;
    co_return error_code();
}

bool outbox::ready() const noexcept
{
    return up_ && (!passing_.empty() || (refreshed_ && !ready_.empty()));
}

task<error_code> outbox::refresh()
{
    const auto session = session_;
    const auto us = co_await store_.who();
    if (us.has_error())
        co_return us.error();
    if (session != session_)
        co_return error_code();
    // Where the store was renumbered, what we knew of it is of another life. Answers of the store come in
    // order, so whatever stored() saw before this is counted here.
    if (us->id != store_id_)
        stand(*us);
    tail_ = us->next_seq - 1;
    refreshed_ = true;
    co_return error_code();
}

void outbox::stand(const identity& us)
{
    store_id_ = us.id;
    tail_ = us.next_seq - 1;
    acked_ = flushed_ = us.acked();
    sent_ = may_send_ = us.sent;
}

sequence outbox::sent(const identity& us) const noexcept
{
    return us.id == store_id_ ? sent_ : us.sent;
}

task<error_code> outbox::fetch()
{
    const auto session = session_;
    const auto end = tail_;
    auto page = co_await store_.read(cached_to_, page_messages, page_bytes);
    if (page.has_error())
        co_return page.error();
    // What is sent must not be replaced afterwards, and the first that this process sends must be known as sent. Seldom
    // asked for, as it is a commit; where that fails, as on a full disk, what lies before it goes out all the same.
    const auto first =
        std::ranges::find_if(*page, [this](const auto& m) { return m.replaceable || m.seq > may_send_; });
    if (first != page->end()) {
        auto marked = co_await store_.read_to_send(cached_to_, page_messages, page_bytes);
        if (marked.has_error() && first == page->begin())
            co_return marked.error();
        if (marked.has_error()) {
            page->erase(first, page->end());
        } else {
            page = std::move(marked);
            if (session == session_)
                may_send_ = std::numeric_limits<sequence>::max();
        }
    }
    if (session != session_)
        co_return error_code();
    // Acknowledged meanwhile: never to be seen again, so that an empty page ends here instead of being asked
    // for again.
    if (page->empty())
        cached_to_ = std::max(cached_to_, end);
    for (auto& m : *page) {
        if (m.seq <= cached_to_)
            continue;
        cached_to_ = m.seq;
        ready_bytes_ += m.body.size();
        ready_.push_back(std::move(m));
    }
    co_return error_code();
}

std::string outbox::take_passing()
{
    auto p = std::move(passing_.front());
    passing_.pop_front();
    passing_bytes_ -= p.frame.size();
    drained_.notify();
    return fitted(std::move(p.frame));
}

std::string outbox::take_stored()
{
    auto m = std::move(ready_.front());
    ready_.pop_front();
    ready_bytes_ -= m.body.size();
    taken_ = m.seq;
    sent_ = std::max(sent_, m.seq);
    if (m.expires_at && time_.utc_now() >= *m.expires_at)
        m.body = too_late(m.body);
    auto frame = protocol::with_seq(m.body, m.seq);
    if (frame.size() > max_bytes_)
        frame = protocol::with_seq(made_small(m.body, max_bytes_), m.seq);
    return frame;
}

std::string outbox::fitted(std::string body) const
{
    if (body.size() > max_bytes_)
        return made_small(body, max_bytes_);
    return body;
}

// ---- acknowledgements ----

void outbox::acknowledge(sequence seq)
{
    seq = std::min(seq, sent_); // more was never sent: believing it would keep back what comes next
    if (seq <= acked_)
        return;
    acked_ = seq;
    while (!ready_.empty() && ready_.front().seq <= seq) {
        ready_bytes_ -= ready_.front().body.size();
        ready_.pop_front();
    }
    taken_ = std::max(taken_, seq);
    cached_to_ = std::max(cached_to_, seq);
    if (!flushing_ && !acks_.stopping()) {
        flushing_ = true;
        acks_.spawn(flush_acks());
    }
}

// What fails here is made good by the next acknowledgement, at the latest by the one in the next welcome. So nobody
// waits for this, and it must not make anybody wait: a commit of its own after each result would stand before the next
// command's.
task<void> outbox::flush_acks()
{
    using namespace asio::experimental::awaitable_operators;
    while (flushed_ < acked_) {
        if (up_)
            co_await (time_.sleep_for(ack_patience) || session_ends_.wait());
        const auto goal = acked_;
        const auto done = co_await store_.acknowledge(goal);
        if (done.has_error())
            break;
        flushed_ = std::max(flushed_, goal);
    }
    flushing_ = false;
    flushed_now_.notify();
}

task<error_code> outbox::room()
{
    while (up_ && (passing_.size() >= most_replies || passing_bytes_ >= most_reply_bytes))
        if (const auto ec = co_await drained_.wait())
            co_return ec;
    co_return error_code();
}

void outbox::forget_ready()
{
    ready_.clear();
    ready_bytes_ = 0;
}

std::int64_t outbox::unacked() const noexcept
{
    return std::max<std::int64_t>(0, tail_ - acked_);
}

} // namespace relay::store
