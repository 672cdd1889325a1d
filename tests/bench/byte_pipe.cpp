// The floor: a program in the agent's place that only passes bytes. Each command brings a finished SOAP request, which
// goes to Exchange as it is; the answer goes back as it is. No queue, no calendar, no limits: not an agent.
#include "agent/protocol/codec.hpp"
#include "agent/uplink/tls_connector.hpp"
#include "common/async/task_group.hpp"
#include "tests/bench/https_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <cstdio>
#include <deque>

namespace relay::bench {
namespace {

class byte_pipe {
public:
    byte_pipe(asio::io_context& context, uplink::dial_settings cloud, pool_settings exchange)
        : cloud_(std::move(cloud)),
          connector_(context.get_executor(), time_),
          pool_(context.get_executor(), std::move(exchange)),
          filled_(context.get_executor()),
          tasks_(context.get_executor())
    {
    }

    task<void> run()
    {
        if (const auto loaded = connector_.load(cloud_); loaded.has_error())
            throw std::runtime_error(loaded.error().message);
        auto dialled = co_await connector_.connect();
        if (dialled.has_error())
            throw std::runtime_error(dialled.error().message);
        link_ = std::move(*dialled);
        protocol::hello h;
        h.agent_id = h.agent_name = "agent-2";
        h.agent_version = "1";
        h.os = "linux";
        h.host = "bench";
        h.store_id = "00000000-0000-4000-8000-000000000000";
        h.operations = {"bytes"};
        h.window = 64;
        out_.push_back(protocol::encode(h));
        tasks_.spawn(write());
        tasks_.spawn(read());
        co_await tasks_.join();
    }

private:
    task<void> read()
    {
        for (;;) {
            auto frame = co_await link_->read();
            if (frame.has_error())
                break;
            auto message = protocol::decode(*frame);
            if (message.has_value())
                if (auto* c = std::get_if<protocol::command>(&*message))
                    tasks_.spawn(pass(std::move(*c)));
        }
        tasks_.stop();
    }

    task<void> pass(protocol::command c)
    {
        http::request r;
        r.body = std::string(c.params.at("soap").as_string());
        auto answer = co_await pool_.perform(std::move(r));
        protocol::result done{c.id, boost::json::object{{"soap", answer->body}}, 1, milliseconds{0}};
        out_.push_back(protocol::encode(done));
        filled_.notify();
    }

    task<void> write()
    {
        for (;;) {
            while (out_.empty())
                co_await filled_.wait();
            const std::vector<std::string> frames(std::make_move_iterator(out_.begin()),
                                                  std::make_move_iterator(out_.end()));
            out_.clear();
            const std::span<const std::string> all(frames);
            if (const auto sent = co_await link_->write(all); sent.has_error())
                co_return;
        }
    }

    uplink::dial_settings cloud_;
    real_time time_;
    uplink::tls_connector connector_;
    https_pool pool_;
    uplink::link_ptr link_;
    std::deque<std::string> out_;
    notifier filled_;
    task_group tasks_;
};

int run(const std::vector<std::string>& arguments)
{
    if (arguments.size() != 7) {
        std::fputs(
            "usage: byte-pipe CLOUD-URL CERTIFICATE KEY CLOUD-CA EXCHANGE-PORT EXCHANGE-CA AUTHORIZATION\n",
            stderr);
        return 2;
    }
    asio::io_context context(1);
    uplink::dial_settings cloud;
    cloud.url = arguments[0];
    cloud.files = {arguments[1], arguments[2], arguments[3]};
    pool_settings exchange;
    exchange.port = arguments[4];
    exchange.ca_file = arguments[5];
    exchange.authorization = arguments[6];
    exchange.connections = 10; // as exchange.max_connections
    byte_pipe pipe(context, std::move(cloud), std::move(exchange));
    std::exception_ptr failure;
    asio::co_spawn(context, pipe.run(), [&](std::exception_ptr e) { failure = e; });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
    return 0;
}

} // namespace
} // namespace relay::bench

int main(int count, char** arguments)
{
    try {
        return relay::bench::run(std::vector<std::string>(arguments + 1, arguments + count));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "byte-pipe: %s\n", e.what());
        return 1;
    }
}
