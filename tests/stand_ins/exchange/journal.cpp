#include "tests/stand_ins/exchange/journal.hpp"

#include <boost/asio/post.hpp>

#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace relay::exchange_sim {
namespace {

[[noreturn]] void give_up(const char* what)
{
    std::perror(what);
    std::_Exit(1);
}

void write_all(int file, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto n = ::write(file, bytes.data(), bytes.size());
        if (n < 0 && errno != EINTR)
            give_up("exchange-sim: cannot write the journal");
        bytes.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
    }
}

} // namespace

journal::journal(asio::any_io_executor executor, const std::string& path)
    : executor_(executor),
      progress_(executor)
{
    if (path.empty())
        return;
    file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file_ < 0)
        throw std::system_error(errno, std::generic_category(), "cannot open the journal " + path);
    thread_ = std::thread([this] { work(); });
}

journal::~journal()
{
    *alive_ = false;
    if (file_ < 0)
        return;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    ::close(file_);
}

void journal::append(std::string_view line)
{
    if (file_ < 0)
        return;
    ++appended_;
    {
        const std::lock_guard lock(mutex_);
        waiting_.append(line).append("\n");
        waiting_up_to_ = appended_;
    }
    wake_.notify_one();
}

task<error_code> journal::settled()
{
    const auto wanted = appended_;
    while (file_ >= 0 && synced_ < wanted)
        if (const auto ec = co_await progress_.wait())
            co_return ec;
    co_return error_code{};
}

void journal::work()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty())
            return;
        const auto batch = std::exchange(waiting_, {});
        const auto up_to = waiting_up_to_;
        lock.unlock();
        write_all(file_, batch);
        if (::fdatasync(file_) != 0)
            give_up("exchange-sim: cannot sync the journal");
        asio::post(executor_, [this, up_to, alive = alive_] {
            if (!*alive)
                return;
            synced_ = up_to;
            progress_.notify();
        });
        lock.lock();
    }
}

} // namespace relay::exchange_sim
