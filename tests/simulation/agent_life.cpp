#include "tests/simulation/agent_life.hpp"

#include "agent/commands/catalog.hpp"
#include "agent/store/loop/retention.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

namespace relay::simulation {
namespace {

constexpr duration between_drain_looks = 20ms;

std::unique_ptr<store::sqlite_queue_store> open_queue(const agent_life::surroundings& s)
{
    store::sqlite_queue_store::settings settings;
    settings.folder = s.folder;
    settings.mode = store::sqlite_queue_store::threading::inline_;
    settings.utc_now = [&clock = s.clock] { return clock.utc_now(); };
    auto opened = store::sqlite_queue_store::open(std::move(settings), s.log);
    if (opened.has_error())
        throw std::runtime_error(
            fmt::format("the queue in {} cannot be opened: {}", s.folder.string(), opened.error().message()));
    return std::move(*opened);
}

uplink::hello_facts facts()
{
    return {
        "a-1", "hq-1", "1.0.0", "linux", "relay01", {"event.create"}, static_cast<int>(reference::window)};
}

uplink::uplink_limits limits()
{
    uplink::uplink_limits l;
    l.drain = agent_life::drain_timeout;
    return l;
}

commands::limits command_limits()
{
    commands::limits l;
    l.settle = agent_life::settle;
    return l;
}

} // namespace

agent_life::agent_life(const surroundings& s)
    : around_(s),
      queue_(open_queue(s)),
      store_(s.context.get_executor(), *queue_, s.model, s.time, s.disk),
      outbox_(s.context.get_executor(), store_, s.clock, s.log),
      inbox_(
          s.context.get_executor(), store_, outbox_, s.clock, commands::catalog(),
          [](const protocol::command& c) { return commands::catalog().read(c); },
          store::inbox::limits{static_cast<int>(reference::window)}, s.log),
      exchange_(s.exchange, s.clock),
      dispatcher_(s.context.get_executor(),
                  {inbox_, outbox_, store_, exchange_, s.clock, policy_,
                   []() -> task<boost::json::object> { co_return boost::json::object(); }, s.log, listener_},
                  command_limits(), s.seed),
      door_(s.peer.open_door([this](const std::string& id) {
          return agent_view{inbox_.open(), inbox_.is_open(id), stop_by_ != steady_time::max()};
      })),
      uplink_(s.context.get_executor(), {*door_, inbox_, outbox_, store_, s.clock, s.log}, facts(),
              s.seed + 1, limits()),
      parts_(s.context.get_executor())
{
    asio::co_spawn(s.context, run(),
                   asio::bind_cancellation_slot(cancel_.slot(), [this](std::exception_ptr bug) {
                       ended_ = true;
                       try {
                           if (bug)
                               std::rethrow_exception(bug);
                       } catch (const std::exception& e) {
                           around_.judge.broken(fmt::format("the agent broke off: {}", e.what()));
                       }
                   }));
}

agent_life::~agent_life() = default;

task<void> agent_life::run()
{
    co_await asio::this_coro::throw_if_cancelled(false); // what runs is joined on the way out
    const auto us = co_await store_.who();
    if (us.has_value())
        around_.model.found_at_start(us->next_seq);
    const auto recovered = co_await inbox_.recover();
    if (recovered.has_error() && !killed_)
        around_.judge.broken("the agent cannot read its queue");
    parts_.spawn(dispatcher_.run());
    parts_.spawn(store::keep_history(store_, outbox_.clock(), around_.clock, history, around_.log));
    parts_.spawn(serve());
    std::exception_ptr failure;
    try {
        co_await parts_.join();
    } catch (...) {
        failure = std::current_exception();
    }
    co_await inbox_.stop();
    co_await outbox_.stop();
    co_await store_.stop();
    if (failure)
        std::rethrow_exception(failure);
}

task<void> agent_life::serve()
{
    co_await uplink_.run();
    while (inbox_.open() > 0 && around_.time.now() < stop_by_)
        co_await around_.time.sleep_for(between_drain_looks);
    parts_.stop();
}

void agent_life::stop()
{
    if (stop_by_ != steady_time::max())
        return;
    stop_by_ = around_.time.now() + drain_timeout;
    around_.model.closing();
    inbox_.close();
    dispatcher_.drain();
    uplink_.stop();
}

void agent_life::kill()
{
    killed_ = true;
    store_.crash();
    exchange_.cut_off();
    door_->cut_off();
    stop_by_ = around_.time.now();
    asio::post(around_.context, [this] {
        parts_.stop();
        cancel_.emit(asio::cancellation_type::terminal);
    });
    around_.time.settle();
    if (!ended_) {
        around_.judge.broken("a part of the agent does not end when it is cancelled");
        queue_.reset(); // the next one wants the file
    }
}

} // namespace relay::simulation
