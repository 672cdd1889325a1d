// Inbox and outbox over a real queue in memory, with the cloud's end played by the test.
#pragma once

#include "agent/commands/catalog.hpp"
#include "agent/protocol/codec.hpp"
#include "agent/store/loop/inbox.hpp"
#include "agent/store/loop/outbox.hpp"
#include "tests/unit/store/gated_store.hpp"
#include "tests/unit/store/store_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

namespace relay::test {

struct doors_fixture : loop_fixture {
    std::unique_ptr<store::sqlite_queue_store> queue = open();
    std::unique_ptr<gated_store> gate = std::make_unique<gated_store>(context.get_executor(), *queue);
    std::unique_ptr<store::outbox> out;
    std::unique_ptr<store::inbox> in;
    std::optional<protocol::fault> denied; // what the check says of everything
    int window = 8;

    doors_fixture() { make_doors(); }
    ~doors_fixture() { stop_doors(); }

    void make_doors()
    {
        out = std::make_unique<store::outbox>(context.get_executor(), *gate, time, log);
        in = std::make_unique<store::inbox>(
            context.get_executor(), *gate, *out, time, commands::catalog(),
            [this](const protocol::command& c) -> protocol::checked<protocol::operation_ptr> {
                if (denied)
                    return *denied;
                return commands::catalog().read(c);
            },
            store::inbox::limits{window}, log);
        REQUIRE(await(in->recover()).has_value());
    }
    void stop_doors()
    {
        gate->open_gate();
        await(in->stop());
        await(out->stop());
    }
    // The process ends and starts again on the same queue.
    void restart()
    {
        stop_doors();
        make_doors();
    }

    void link_up(store::sequence acked = 0, std::size_t max_bytes = 1 << 20)
    {
        out->link_up(acked, max_bytes);
    }
    void link_down() { await(out->link_down()); }

    // What `t` answers where it need not wait; else it is cancelled.
    template <class T>
    std::optional<T> now(task<result<T>> t)
    {
        std::optional<T> answer;
        asio::cancellation_signal stop;
        asio::co_spawn(context, std::move(t),
                       asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr e, result<T> v) {
                           if (!e && v.has_value())
                               answer.emplace(std::move(*v));
                       }));
        time.settle();
        stop.emit(asio::cancellation_type::terminal);
        time.settle();
        return answer;
    }

    // Every frame that can go out now.
    std::vector<protocol::json::object> sent()
    {
        std::vector<protocol::json::object> frames;
        while (const auto frame = now(out->next()))
            frames.push_back(boost::json::parse(*frame).as_object());
        CHECK(out->idle());
        return frames;
    }
    // The same, short: "accepted c-1", "result c-1 ok #3", "result c-2 overloaded", "problem c-1 id_reused", "event #4".
    std::vector<std::string> published();

    // Every command that can be taken now.
    std::vector<store::context_ptr> taken()
    {
        std::vector<store::context_ptr> all;
        while (auto one = now(in->next()))
            all.push_back(*one);
        return all;
    }
    std::vector<std::string> taken_ids()
    {
        std::vector<std::string> ids;
        for (const auto& t : taken())
            ids.push_back(t->id);
        return ids;
    }

    static protocol::command write(const std::string& id, const std::string& event_id = "e-1");
    static protocol::command read(const std::string& id);
    static protocol::command event_get(const std::string& id, const std::string& event_id = "e-1");
    static protocol::result ok(const std::string& id, std::size_t padding = 0);

    void finish(const store::context_ptr& t)
    {
        REQUIRE(await(out->finish(ok(t->id))).has_value());
        in->release(t);
    }
};

} // namespace relay::test
