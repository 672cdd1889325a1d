#include "agent/admin/server.hpp"

#include <boost/asio/read_until.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <spdlog/logger.h>

namespace relay::admin {
namespace {

namespace fs = std::filesystem;
using asio::local::stream_protocol;

constexpr duration after_accept_failed = 100ms; // no file descriptors left, and the like

} // namespace

server::server(const asio::any_io_executor& executor, const fs::path& data_dir, handler answers,
               time_source& time, spdlog::logger& log)
    : socket_(socket_in(data_dir)),
      answers_(std::move(answers)),
      time_(time),
      log_(log),
      acceptor_(executor),
      connections_(executor)
{
}

task<void> server::run()
{
    co_await asio::this_coro::throw_if_cancelled(false); // connections are joined on the way out
    if (!open())
        co_return;
    co_await accept();
    std::error_code gone;
    fs::remove(socket_, gone);
    connections_.stop();
    co_await connections_.join();
}

bool server::open()
{
    error_code ec;
    std::error_code file_error;
    fs::remove(socket_, file_error); // of an agent that was killed
    try {
        const stream_protocol::endpoint where(socket_.string());
        acceptor_.open(where.protocol());
        acceptor_.bind(where); // for the owner alone: the process's umask sees to that
        fs::permissions(socket_, fs::perms::owner_read | fs::perms::owner_write);
        acceptor_.listen();
        return true;
    } catch (const boost::system::system_error& e) {
        ec = e.code();
    } catch (const fs::filesystem_error& e) {
        ec = e.code();
    }
    error_code ignored;
    acceptor_.close(ignored);
    log_.warn("queue: cannot listen on {}: {}; the agent goes on, but `queue retry` and `queue drop` find it "
              "only while it is stopped",
              socket_.string(), ec.message());
    return false;
}

// Until we are cancelled.
task<void> server::accept()
{
    for (;;) {
        auto [ec, socket] = co_await acceptor_.async_accept(use_tuple);
        if (ec == asio::error::operation_aborted)
            co_return;
        if (ec) {
            if (const auto cancelled = co_await time_.sleep_for(after_accept_failed); cancelled)
                co_return;
            continue;
        }
        if (connections_.size() < most_connections)
            connections_.spawn(serve(std::move(socket)));
    }
}

// A fault in here costs one connection, never the agent.
task<void> server::serve(stream_protocol::socket socket)
{
    try {
        auto talking = talk(socket);
        co_await with_timeout(time_, patience, std::move(talking));
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted)
            throw; // a cancel
        log_.warn("queue: a request on {} broke off: {}", socket_.string(), e.what());
    } catch (const std::exception& e) {
        log_.warn("queue: a request on {} broke off: {}", socket_.string(), e.what());
    }
}

task<result<void>> server::talk(stream_protocol::socket& socket)
{
    std::string line;
    const auto [read_error, size] =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(line, longest_line), '\n', use_tuple);
    if (read_error)
        co_return read_error;
    line.resize(size - 1);
    const auto asked = read_request(line);
    const auto told = asked.has_value() ? answers_(*asked) : answer{false, "this is no request of ours"};
    const auto out = encode(told) + '\n';
    const auto [write_error, written] = co_await asio::async_write(socket, asio::buffer(out), use_tuple);
    if (write_error)
        co_return write_error;
    co_return result<void>();
}

} // namespace relay::admin
