#include "tests/stand_ins/cloud/recorder.hpp"

#include <boost/asio/post.hpp>

namespace relay::cloud_sim {

recorder::recorder(asio::io_context& context, database db)
    : context_(context),
      database_(std::move(db)),
      batch_done_(context.get_executor())
{
}

recorder::~recorder()
{
    if (!thread_.joinable())
        return;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
    if (broken_ || waiting_.empty())
        return;
    try {
        database_.write(waiting_);
    } catch (const std::exception&) {
        // Nobody is left to tell, and nothing of this was acknowledged.
    }
}

void recorder::start(hooks h)
{
    hooks_ = std::move(h);
    thread_ = std::thread([this] { work(); });
}

void recorder::put(row r)
{
    waiting_.push_back(std::move(r));
    wake();
}

void recorder::wake()
{
    if (woken_)
        return;
    woken_ = true;
    if (!busy_)
        // Posted, so that one round of the loop ends in one batch, not in one for its first row and one for the rest.
        asio::post(context_, [this] { hand_over(); });
}

task<error_code> recorder::flush()
{
    const auto wanted = woken_ ? opened_ : opened_ - 1;
    while (done_ < wanted) {
        if (broken_)
            co_return asio::error::no_data;
        const auto ec = co_await batch_done_.wait();
        if (ec)
            co_return ec;
    }
    co_return error_code{};
}

void recorder::hand_over()
{
    if (busy_ || !woken_ || broken_)
        return;
    hooks_.closing(waiting_);
    woken_ = false;
    busy_ = true;
    ++opened_;
    {
        const std::lock_guard lock(mutex_);
        batch_ = std::exchange(waiting_, {});
    }
    changed_.notify_one();
}

void recorder::finished(std::string error)
{
    busy_ = false;
    if (!error.empty()) {
        broken_ = true;
        batch_done_.notify();
        hooks_.failed(std::move(error));
        return;
    }
    done_ = opened_ - 1;
    batch_done_.notify();
    hooks_.committed();
    hand_over();
}

void recorder::work()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return batch_ || stopping_; });
        if (!batch_)
            return;
        const auto rows = std::move(*batch_);
        batch_.reset();
        lock.unlock();
        std::string error;
        try {
            database_.write(rows);
        } catch (const std::exception& e) {
            error = e.what();
        }
        asio::post(context_, [this, error] { finished(error); });
        lock.lock();
    }
}

} // namespace relay::cloud_sim
