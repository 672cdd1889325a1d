// A cloud without sockets, and an agent that says what a test tells it to.
#pragma once

#include "tests/stand_ins/cloud/cloud.hpp"
#include "tests/support/manual_time.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cloud_sim {

struct fake_link final : link {
    void send(std::string frame, frame_format) override { sent.push_back(json::parse(frame).as_object()); }
    void close(std::uint16_t code) override { closed = code; }
    void cut() override { was_cut = true; }
    void freeze(bool on) override { frozen = on; }

    std::vector<json::object> sent;
    std::optional<std::uint16_t> closed;
    bool was_cut = false, frozen = false;
};

// On a store in memory.
struct fixture {
    json::object hello(std::int64_t next_seq = 1, std::int64_t unacked = 0)
    {
        return {
            {"type", "hello"},
            {"protocol", 1},
            {"agent", {{"id", agent_id}, {"name", "n"}, {"version", "1"}, {"os", "linux"}, {"host", "h"}}},
            {"store", {{"id", store_id}, {"next_seq", next_seq}, {"unacked", unacked}}},
            {"operations", {"event.create"}},
            {"window", window}};
    }

    // Ends when what was put is on the disk and its acks are out.
    void settle()
    {
        asio::co_spawn(context, disk.flush(), [](std::exception_ptr, error_code) {});
        context.restart();
        context.run();
    }

    session& connect(fake_link& on, std::int64_t next_seq = 1, std::int64_t unacked = 0)
    {
        auto& s = sim.opened(on, agent_id, false);
        const auto next = sim.hello(s, json::serialize(hello(next_seq, unacked)), frame_format::text);
        settle();
        if (next == greeting::welcome)
            sim.welcome(s);
        settle();
        return s;
    }

    void say(session& s, std::string_view frame) { sim.received(s, frame, frame_format::text); }

    command& post(std::string id, std::string op, std::string agent = {})
    {
        command c;
        c.id = std::move(id);
        c.op = std::move(op);
        c.agent = std::move(agent);
        c.params = {{"event_id", "e1"}};
        auto& kept = sim.record(std::move(c));
        settle();
        sim.deliver(kept);
        return kept;
    }

    // The rules broken so far, in order, and forgets none.
    std::string rules() const
    {
        std::string all;
        for (const auto& v : sim.violations())
            all += (all.empty() ? "" : " ") + std::string(v.as_object().at("rule").as_string());
        return all;
    }

    static std::string written(std::string_view id, std::int64_t seq)
    {
        return R"({"type":"result","id":")" + std::string(id) + R"(","seq":)" + std::to_string(seq) +
               R"(,"ok":true,"output":{"event_id":"e1","item_id":"i","change_key":"k","uid":"u"},"attempts":1,"took_ms":1})";
    }
    static std::string failed(std::string_view id, std::string_view code, std::string_view retryable,
                              std::string_view more = "")
    {
        return R"({"type":"result","id":")" + std::string(id) +
               R"(","ok":false,"attempts":0,"took_ms":1,"error":{"code":")" + std::string(code) +
               R"(","message":"m","retryable":)" + std::string(retryable) + "}" + std::string(more) + "}";
    }
    static std::string accepted(std::string_view id)
    {
        return R"({"type":"accepted","id":")" + std::string(id) + "\"}";
    }

    int window = 2;
    std::string agent_id = "a1";
    std::string store_id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    asio::io_context context;
    recorder disk{context, database(":memory:")};
    test::manual_time time{context};
    cloud sim{disk, settings{}, contents{}, time, context.get_executor()};
    fake_link wire;
};

} // namespace relay::cloud_sim
