#include "tests/stand_ins/cloud/serve.hpp"

#include "tests/stand_ins/cloud/control_routes.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/serialize.hpp>

#include <cstdio>
#include <iostream>

namespace relay::cloud_sim {
namespace {

void bound(const result<void>& listening, const std::string& address)
{
    if (!listening)
        throw std::runtime_error("cannot listen on " + address + ": " + listening.error().message());
}

database opened(const std::string& path, contents& known)
{
    database db(path);
    known = db.load();
    return db;
}

} // namespace

simulation::simulation(asio::io_context& context, const serve_options& o) : simulation(context, o, contents{})
{
}

simulation::simulation(asio::io_context& context, const serve_options& o, contents known)
    : disk_(context, opened(o.store, known)),
      cloud_(disk_, o.limits, std::move(known), time_, context.get_executor()),
      server_(context, cloud_, disk_, o.tls, o.deflate),
      control_(context)
{
    if (frames_)
        cloud_.record_frames(*frames_);
    add_routes(control_.routes(), cloud_, disk_);
    add_enrolment_routes(control_.routes(), server_.desk());
    control_.routes().on("GET", "/connections", [this](const stand_in::control_request&) {
        return stand_in::control_reply{200, server_.counters()};
    });
    bound(server_.listen(o.listen), o.listen);
    bound(control_.listen(o.control), o.control);
}

task<void> simulation::run()
{
    using namespace asio::experimental::awaitable_operators;
    co_await (server_.run() && control_.run());
    co_await disk_.flush();
}

void simulation::stop()
{
    server_.stop();
    control_.stop();
}

int serve(const serve_options& o)
{
    try {
        asio::io_context context(1);
        simulation sim(context, o);
        asio::signal_set signals(context, SIGINT, SIGTERM);
        signals.async_wait([&](error_code ec, int) {
            if (!ec)
                sim.stop();
        });
        std::exception_ptr failure;
        asio::co_spawn(context, sim.run(), [&](std::exception_ptr e) {
            failure = e;
            signals.cancel();
        });
        std::cout << json::serialize(json::object{{"url", sim.url()}, {"control", sim.control_url()}})
                  << std::endl;
        context.run();
        if (failure)
            std::rethrow_exception(failure);
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "cloud-sim: " << e.what() << '\n';
        return 1;
    }
}

} // namespace relay::cloud_sim
