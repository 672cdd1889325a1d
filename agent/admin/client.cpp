#include "agent/admin/client.hpp"

#include "common/async/run_alone.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>

namespace relay::admin {
namespace {

using asio::local::stream_protocol;

task<result<answer>> talk(stream_protocol::endpoint where, std::string line)
{
    stream_protocol::socket socket(co_await asio::this_coro::executor);
    const auto [refused] = co_await socket.async_connect(where, use_tuple);
    if (refused == asio::error::connection_refused || refused.value() == ENOENT)
        co_return errc::not_found;
    if (refused)
        co_return refused;
    const auto [write_error, written] = co_await asio::async_write(socket, asio::buffer(line), use_tuple);
    if (write_error)
        co_return write_error;
    std::string got;
    const auto [read_error, size] =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(got, longest_answer), '\n', use_tuple);
    if (read_error)
        co_return errc::protocol_violation;
    got.resize(size - 1);
    co_return read_answer(got);
}

task<result<answer>> talk_for(time_source& time, milliseconds limit, stream_protocol::endpoint where,
                              std::string line)
{
    auto talking = talk(std::move(where), std::move(line));
    co_return co_await with_timeout(time, limit, std::move(talking));
}

} // namespace

result<answer> ask(const std::filesystem::path& socket, const request& r, milliseconds limit)
{
    stream_protocol::endpoint where;
    try {
        where = stream_protocol::endpoint(socket.string());
    } catch (const boost::system::
                 system_error&) { // longer than such an address may be: nobody listens there either
        return errc::not_found;
    }
    real_time time;
    return run_alone(talk_for(time, limit, std::move(where), encode(r) + '\n'));
}

} // namespace relay::admin
