#include "agent/uplink/name_lookup.hpp"

#include "common/async/notifier.hpp"

#include <optional>

namespace relay::uplink {

using asio::ip::tcp;

struct name_lookup::query {
    query(asio::any_io_executor executor, std::string name)
        : host(std::move(name)),
          resolver(executor),
          done(executor)
    {
    }

    std::string host;
    tcp::resolver resolver;
    notifier done;
    std::optional<result<std::vector<asio::ip::address>>> answer;
};

name_lookup::~name_lookup()
{
    if (running_)
        running_->resolver.cancel();
}

task<result<std::vector<tcp::endpoint>>> name_lookup::resolve(std::string host, std::uint16_t port)
{
    boost::system::error_code not_literal;
    if (const auto address = asio::ip::make_address(host, not_literal); !not_literal.failed())
        co_return std::vector{tcp::endpoint(address, port)};

    auto asked = running_;
    if (!asked || asked->host != host) {
        if (asked)
            asked->resolver.cancel(); // one that has not begun yet is dropped
        asked = running_ = std::make_shared<query>(executor_, host);
        asked->resolver.async_resolve(
            host, "", [asked](const error_code& ec, const tcp::resolver::results_type& found) {
                if (ec.failed()) {
                    asked->answer = ec;
                } else {
                    std::vector<asio::ip::address> addresses;
                    for (const auto& one : found)
                        addresses.push_back(one.endpoint().address());
                    asked->answer = std::move(addresses);
                }
                asked->done.notify();
            });
    }
    while (!asked->answer) {
        const auto ec = co_await asked->done.wait();
        if (ec.failed())
            co_return ec; // given up: the look-up itself goes on, and may serve the next one who asks
    }
    if (running_ == asked)
        running_.reset(); // answers are not kept: caching is the resolver's business
    if (asked->answer->has_error())
        co_return asked->answer->error();
    std::vector<tcp::endpoint> endpoints;
    for (const auto& address : **asked->answer)
        endpoints.emplace_back(address, port);
    co_return endpoints;
}

} // namespace relay::uplink
