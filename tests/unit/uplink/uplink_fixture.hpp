// A whole uplink in virtual time: real inbox, outbox and queue (in memory), and a scripted cloud.
#pragma once

#include "agent/commands/catalog.hpp"
#include "agent/protocol/codec.hpp"
#include "agent/store/writer/sqlite_queue_store.hpp"
#include "agent/uplink/uplink.hpp"
#include "tests/support/manual_time.hpp"
#include "tests/unit/uplink/scripted_cloud.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

namespace relay::test {

struct uplink_fixture {
    asio::io_context context{1};
    manual_time time{context};
    std::ostringstream logged;
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_st>(logged)};
    std::unique_ptr<store::sqlite_queue_store> queue = *store::sqlite_queue_store::open(
        {.folder = {}, .mode = store::sqlite_queue_store::threading::inline_, .utc_now = {}}, log);
    store::outbox out{context.get_executor(), *queue, time, log};
    store::inbox in{context.get_executor(),
                    *queue,
                    out,
                    time,
                    commands::catalog(),
                    [](const protocol::command& c) { return commands::catalog().read(c); },
                    store::inbox::limits{64},
                    log};
    scripted_cloud cloud{context.get_executor(), time};
    uplink::uplink up{context.get_executor(), {cloud, in, out, *queue, time, log}, facts(), 1};
    asio::cancellation_signal cancel;
    bool ended = false;

    uplink_fixture() { log.set_pattern("%l %v"); }
    ~uplink_fixture()
    {
        abandon();
        time.advance(1min);
        await(in.stop());
        await(out.stop());
    }

    static uplink::hello_facts facts()
    {
        return {"a-1", "hq-1", "1.0.0", "linux", "relay01", {"event.create"}, 64};
    }

    void start()
    {
        REQUIRE(await(in.recover()).has_value());
        asio::co_spawn(context, up.run(),
                       asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr error) {
                           ended = true;
                           CHECK_FALSE(error);
                       }));
        time.settle();
    }

    // Cancels run(), on the loop as everything that cancels.
    void abandon()
    {
        asio::post(context, [this] { cancel.emit(asio::cancellation_type::terminal); });
        time.settle();
    }

    template <class T>
    T await(task<T> work)
    {
        std::optional<T> answer;
        asio::co_spawn(context, std::move(work), [&](std::exception_ptr error, T value) {
            REQUIRE_FALSE(error);
            answer = std::move(value);
        });
        time.settle();
        REQUIRE(answer.has_value());
        return *std::move(answer);
    }
    void await(task<void> work)
    {
        bool done = false;
        asio::co_spawn(context, std::move(work), [&](std::exception_ptr) { done = true; });
        time.settle();
        REQUIRE(done);
    }

    // Lets the clock run until `what`, a step at a time; false where it does not happen within `limit`.
    template <class Condition>
    bool within(duration limit, Condition what, duration step = 10ms)
    {
        time.settle();
        for (duration gone{}; gone < limit && !what(); gone += step)
            time.advance(step);
        return what();
    }

    void settle() { time.settle(); }
    uplink::link_state state() const { return up.status().state; }
    std::size_t count_logged(const std::string& text) const
    {
        const auto all = logged.str();
        std::size_t count = 0;
        for (auto at = all.find(text); at != all.npos; at = all.find(text, at + 1))
            ++count;
        return count;
    }
    // The frames the agent wrote on the link that is up, in short: "hello", "accepted c-1", "result c-1", "goodbye".
    std::vector<std::string> heard(std::size_t link = std::string::npos);
    // A read that the cloud asks for; it stays open until answer() is called.
    void ask(const std::string& id)
    {
        cloud.now().send(R"({"type":"command","id":")" + id + R"(","op":"connection.test","params":{}})");
        settle();
    }
    void answer(const std::string& id);
    // A result the agent owes the cloud: stored, with a seq.
    void owe(const std::string& id) { REQUIRE(await(queue->append(body(id), "", std::nullopt)).has_value()); }
    static store::new_command write(const std::string& id)
    {
        protocol::command c;
        c.id = id;
        c.op = "event.cancel";
        c.mailbox = "host@corp.example";
        c.params = {{"event_id", "e-1"}};
        return {std::move(c), "print", "e-1", {}, 24h};
    }
    static std::string body(const std::string& id)
    {
        return R"({"type":"result","id":")" + id + R"(","ok":true,"output":{},"attempts":1,"took_ms":1})";
    }
};

} // namespace relay::test
