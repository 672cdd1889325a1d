// availability.watch and availability.unwatch as commands: accepted, stored, answered, also across a death in the middle.
#include "tests/unit/commands/agent_fixture.hpp"

using namespace relay;
using namespace relay::test;

namespace {

json::object watch(const std::string& id,
                   json::array mailboxes = {"a@corp.example", "A@corp.example", "b@c.d"})
{
    return {{"watch_id", id}, {"mailboxes", std::move(mailboxes)}, {"interval_s", 30}};
}

struct watches_fixture : agent_fixture {
    std::vector<store::known_watch> stored()
    {
        std::vector<store::known_watch> all;
        asio::co_spawn(context, queue->watches(), [&](std::exception_ptr, auto found) { all = *found; });
        time.settle();
        return all;
    }
    bool accepted(const std::string& id) const
    {
        return std::ranges::any_of(now->frames, [&](const auto& f) {
            return f.at("type") == "accepted" && f.at("id").as_string() == std::string_view(id);
        });
    }
};

} // namespace

TEST_CASE_METHOD(watches_fixture, "a watch is accepted, stored and answered with how many it watches",
                 "[unit][commands]")
{
    send("c-1", "availability.watch", watch("w-1"));
    CHECK(accepted("c-1"));
    CHECK(output("c-1").at("watch_id") == "w-1");
    CHECK(output("c-1").at("mailboxes") == 2);
    CHECK(result("c-1")->contains("seq"));
    REQUIRE(stored().size() == 1);
    CHECK(stored()[0].pace.interval == 30s);
    CHECK(exchange.calls.empty());

    send("c-2", "availability.watch", watch("w-1", {"b@c.d"}));
    CHECK(output("c-2").at("mailboxes") == 1);
    REQUIRE(stored().size() == 1);
    CHECK(stored()[0].command_id == "c-2");

    send("c-3", "availability.unwatch", {{"watch_id", "w-1"}});
    CHECK(accepted("c-3"));
    CHECK(output("c-3").at("existed").as_bool());
    CHECK(stored().empty());
    send("c-4", "availability.unwatch", {{"watch_id", "w-1"}});
    CHECK_FALSE(output("c-4").at("existed").as_bool());
}

TEST_CASE_METHOD(watches_fixture, "a watch does not wait for Exchange", "[unit][commands]")
{
    exchange.troubles.push_back({call::resolve, outage});
    send("r-1", "connection.test", {}, 600ms);
    time.advance(1s);
    send("c-1", "availability.watch", watch("w-1"));
    CHECK(ok("c-1"));
}

TEST_CASE_METHOD(watches_fixture, "a watch that cannot be stored waits for the queue", "[unit][commands]")
{
    disk->open = false; // accepted only once it is stored
    send("c-1", "availability.watch", watch("w-1"));
    CHECK_FALSE(accepted("c-1"));
    disk->open_gate();
    time.settle();
    CHECK(ok("c-1"));
    CHECK(stored().size() == 1);
}

TEST_CASE_METHOD(watches_fixture, "an unwatch that was begun before a death says that there was a watch",
                 "[unit][commands]")
{
    send("c-1", "availability.watch", watch("w-1"));
    disk->begins_fail = errc::store_full;
    send("c-2", "availability.unwatch", {{"watch_id", "w-1"}});
    CHECK_FALSE(ok("c-2"));
    stop();
    disk->begins_fail.reset();
    // The life that died had begun it and removed the watch.
    asio::co_spawn(context, queue->begin("c-2", time.utc_now()), [](std::exception_ptr, auto) {});
    asio::co_spawn(context, queue->remove_watch("w-1"), [](std::exception_ptr, auto) {});
    time.settle();
    start();
    CHECK(output("c-2").at("existed").as_bool());
    CHECK(stored().empty());
}

TEST_CASE_METHOD(watches_fixture, "a watch that was stored before a death is answered, also after its ttl",
                 "[unit][commands]")
{
    // Admitted by a life that stored the watch and died before it could answer.
    store::new_command c;
    c.command.id = "c-2";
    c.command.op = "availability.watch";
    c.command.params = watch("w-2");
    c.fingerprint = "f";
    c.received_at = time.utc_now();
    c.ttl = 60s;
    stop();
    asio::co_spawn(context, queue->admit(c), [](std::exception_ptr, auto) {});
    store::new_watch kept{"w-2", "c-2", {}, {*mailbox_address::parse("a@corp.example")}};
    asio::co_spawn(context, queue->put_watch(kept), [](std::exception_ptr, auto) {});
    time.settle();
    time.advance(120s);
    start();
    CHECK(ok("c-2"));
    CHECK(stored().size() == 1);
}
