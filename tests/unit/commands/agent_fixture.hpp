// The agent between its two doors, on virtual time, with a queue in memory and a scripted Exchange: for tests
// of commands.
#pragma once

#include "agent/commands/catalog.hpp"
#include "agent/commands/dispatcher.hpp"
#include "agent/policy/policy.hpp"
#include "agent/protocol/codec.hpp"
#include "agent/store/writer/sqlite_queue_store.hpp"
#include "tests/support/manual_time.hpp"
#include "tests/support/scripted_exchange.hpp"
#include "tests/unit/store/gated_store.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/null_sink.h>

namespace relay::test {

namespace json = boost::json;
using call = scripted_exchange::call;

inline const ews::error outage{{protocol::fault_code::exchange_unavailable, "mail:443: refused", {}},
                               ews::retry_action::retry,
                               ews::effect::none,
                               {},
                               false};
inline const ews::error answer_lost{{protocol::fault_code::exchange_unavailable, "mail:443: reset", {}},
                                    ews::retry_action::retry,
                                    ews::effect::unknown,
                                    {},
                                    false};
inline const ews::error refused{{protocol::fault_code::auth_failed, "refused", {}},
                                ews::retry_action::sign_in,
                                ews::effect::none,
                                {},
                                false};

// One start of the agent between its two doors; the store and Exchange live on from one to the next.
struct life {
    life(asio::io_context& c, store::queue_store& s, manual_time& t, ews::exchange& e, spdlog::logger& log,
         const std::string& denied, const policy::policy* rules, const commands::limits& limits)
        : context(c),
          own_rules({{"*"}, {"*"}, denied.empty() ? std::vector<std::string>() : std::vector{denied}}),
          out(c.get_executor(), s, t, log),
          in(
              c.get_executor(), s, out, t, commands::catalog(),
              [rules](const protocol::command& x) {
                  auto operation = commands::catalog().read(x);
                  if (operation.has_value() && rules)
                      if (const auto allowed = rules->allows(x.op, **operation); allowed.has_error())
                          operation = allowed.error();
                  return operation;
              },
              {}, log),
          works(c.get_executor(),
                {in, out, s, e, t, rules ? *rules : own_rules,
                 []() -> task<json::object> {
                     co_return json::object{{"ok", true}};
                 },
                 log, listener},
                limits, 1),
          group(c.get_executor())
    {
        group.spawn(start());
    }

    task<void> start()
    {
        const auto recovered = co_await in.recover();
        REQUIRE(recovered.has_value());
        out.link_up(0, protocol::default_max_message_bytes);
        in.session_began("s-1");
        group.spawn(works.run());
        for (;;) {
            auto frame = co_await out.next();
            if (frame.has_error())
                co_return;
            frames.push_back(json::parse(*frame).as_object());
        }
    }

    void end()
    {
        group.stop();
        std::exception_ptr failure;
        bool gone = false;
        asio::co_spawn(context, group.join(), [&](std::exception_ptr e) {
            failure = e;
            gone = true;
        });
        for (int i = 0; i < 1000 && !gone; ++i) {
            context.restart();
            context.poll();
        }
        REQUIRE(gone);
        REQUIRE(!failure);
        gone = false;
        asio::co_spawn(context, in.stop(), [&](std::exception_ptr) { gone = true; });
        asio::co_spawn(context, out.stop(), [&](std::exception_ptr) {});
        for (int i = 0; i < 1000; ++i) {
            context.restart();
            context.poll();
        }
    }

    asio::io_context& context;
    policy::policy own_rules;
    commands::command_listener listener; // nobody
    store::outbox out;
    store::inbox in;
    commands::dispatcher works;
    task_group group;
    std::vector<json::object> frames;
};

struct agent_fixture {
    asio::io_context context;
    manual_time time{context};
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::null_sink_st>()};
    std::unique_ptr<store::sqlite_queue_store> queue;
    std::unique_ptr<gated_store> disk; // what the agent sees of the queue
    scripted_exchange exchange{context.get_executor(), time};
    std::unique_ptr<life> now;
    ews::exchange* in_use = &exchange;          // what commands call, from the next start on
    std::string denied = "ceo@corp.example";    // empty: nobody
    std::string acts_for = "host@corp.example"; // the mailbox of what is sent
    commands::limits limits{30s, 120s, 4};      // from the next start on
    // Judges instead of `denied`, from the next start on; may be given other rules at any time.
    const policy::policy* rules = nullptr;

    agent_fixture()
    {
        auto opened = store::sqlite_queue_store::open(
            {{}, 100'000, store::sqlite_queue_store::threading::inline_, [this] { return time.utc_now(); }},
            log);
        REQUIRE(opened.has_value());
        queue = std::move(*opened);
        disk = std::make_unique<gated_store>(context.get_executor(), *queue);
        start();
    }
    ~agent_fixture() { stop(); }

    void start()
    {
        now = std::make_unique<life>(context, *disk, time, *in_use, log, denied, rules, limits);
        time.settle();
    }
    void stop()
    {
        if (now)
            now->end();
        now.reset();
    }
    void restart()
    {
        stop();
        start();
    }

    void send(const std::string& id, const std::string& op, json::object params,
              std::optional<milliseconds> ttl = {}, bool redelivered = false)
    {
        protocol::command c;
        c.id = id;
        c.op = op;
        c.mailbox = op.starts_with("event.") || op == "mailbox.verify" ? acts_for : "";
        c.ttl = ttl;
        c.redelivered = redelivered;
        c.params = std::move(params);
        now->in.offer(std::move(c));
        time.settle();
    }
    void create(const std::string& id, const std::string& event, std::optional<milliseconds> ttl = {},
                bool redelivered = false)
    {
        send(id, "event.create",
             {{"event_id", event},
              {"subject", "S"},
              {"start", "2026-11-23T09:00:00Z"},
              {"end", "2026-11-23T10:00:00Z"}},
             ttl, redelivered);
    }
    // As create(), with somebody to invite.
    void create_meeting(const std::string& id, const std::string& event, bool redelivered = false)
    {
        send(
            id, "event.create",
            {{"event_id", event},
             {"subject", "S"},
             {"start", "2026-11-23T09:00:00Z"},
             {"end", "2026-11-23T10:00:00Z"},
             {"attendees", json::array{json::object{{"email", "guest@corp.example"}, {"role", "required"}}}}},
            {}, redelivered);
    }
    // An item that is there already, as some create made it.
    scripted_exchange::stored& put(const std::string& item, const std::string& event,
                                   const std::string& command, const std::string& folder = {})
    {
        exchange.items.push_back({"host@corp.example",
                                  {{item, "1"}, ews::item_location::live, event, command, "uid"},
                                  {},
                                  folder});
        exchange.items.back().marks.born_uid = "uid";
        return exchange.items.back();
    }
    // As somebody copies `of` by hand.
    scripted_exchange::stored& put_copy(const std::string& item, const std::string& of)
    {
        auto copy =
            *std::ranges::find_if(exchange.items, [&](const auto& i) { return i.marks.ref.id == of; });
        copy.marks.ref.id = item;
        copy.marks.uid = "uid-of-" + item;
        exchange.items.push_back(std::move(copy));
        return exchange.items.back();
    }
    void update(const std::string& id, const std::string& event, bool redelivered = false)
    {
        send(id, "event.update", {{"event_id", event}, {"set", {{"subject", "New"}}}}, {}, redelivered);
    }
    void cancel_event(const std::string& id, const std::string& event, bool redelivered = false)
    {
        send(id, "event.cancel", {{"event_id", event}}, {}, redelivered);
    }

    // The only result of a command, or null.
    const json::object* result(const std::string& id) const
    {
        const json::object* found = nullptr;
        for (const auto& f : now->frames)
            if (f.at("type") == "result" && f.at("id").as_string() == std::string_view(id)) {
                CHECK(found == nullptr);
                found = &f;
            }
        return found;
    }
    bool ok(const std::string& id) const
    {
        const auto* r = result(id);
        return r && r->at("ok").as_bool();
    }
    std::string code(const std::string& id) const
    {
        const auto* r = result(id);
        return r && r->contains("error") ? std::string(r->at("error").at("code").as_string()) : "";
    }
    const json::object& output(const std::string& id) const
    {
        REQUIRE(ok(id));
        return result(id)->at("output").as_object();
    }
};

} // namespace relay::test
