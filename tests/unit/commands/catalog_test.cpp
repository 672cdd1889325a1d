// What the catalog reads of a command, and what it refuses: PROTOCOL.md, "Operations", "Limits".
#include "agent/commands/catalog.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::protocol;
using commands::catalog;

namespace {

command make(std::string op, std::string_view params, std::string mailbox = "host@corp.example")
{
    command c;
    c.id = "c-1";
    c.op = std::move(op);
    c.mailbox = std::move(mailbox);
    c.params = json::parse(json::string_view(params.data(), params.size())).as_object();
    return c;
}

std::string refused(const command& c)
{
    const auto op = catalog().read(c);
    REQUIRE_FALSE(op.has_value());
    CHECK(op.error().code == fault_code::invalid_request);
    return op.error().message;
}

operation_ptr taken(const command& c)
{
    auto op = catalog().read(c);
    INFO((op.has_value() ? "" : op.error().message));
    REQUIRE(op.has_value());
    return *op;
}

availability_watch watched(const command& c)
{
    const auto op = taken(c);
    REQUIRE(op->new_watch());
    return *op->new_watch();
}

// `n` JSON texts with commas between them; # becomes a number.
std::string list(std::size_t n, const std::string& item)
{
    std::string out = "[";
    for (std::size_t i = 0; i < n; ++i) {
        auto one = item;
        if (const auto at = one.find('#'); at != one.npos)
            one.replace(at, 1, std::to_string(i));
        out += (i == 0 ? "" : ",") + one;
    }
    return out + "]";
}

} // namespace

TEST_CASE("an operation that this agent does not know is unsupported", "[unit][commands]")
{
    for (const auto* op : {"event.move", "", "EVENT.CREATE", "Availability.watch"}) {
        const auto parsed = catalog().read(make(op, "{}"));
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code == fault_code::unsupported_operation);
    }
    CHECK_FALSE(catalog().class_of("event.move").has_value());
}

TEST_CASE("writes and reads are told apart", "[unit][commands]")
{
    CHECK(catalog().class_of("event.create") == operation_class::write);
    CHECK(catalog().class_of("event.update") == operation_class::write);
    CHECK(catalog().class_of("event.cancel") == operation_class::write);
    CHECK(catalog().class_of("event.get") == operation_class::read);
    CHECK(catalog().class_of("availability.watch") == operation_class::write);
    CHECK(catalog().class_of("availability.unwatch") == operation_class::write);
}

TEST_CASE("a mailbox is needed where the operation acts for one", "[unit][commands]")
{
    for (const auto* op : {"mailbox.verify", "event.create", "event.update", "event.cancel", "event.get"}) {
        CHECK(refused(make(op, "{}", "")) == "mailbox: is missing");
        CHECK(refused(make(op, "{}", "nobody")) == "mailbox: is not an SMTP address");
    }
    CHECK(catalog().read(make("connection.test", "{}", "")).has_value());
    CHECK(catalog().read(make("agent.diagnose", "{}", "nobody")).has_value());
    CHECK(taken(make("mailbox.verify", R"({"unknown":1})"))->mailbox()->str() == "host@corp.example");
    CHECK(taken(make("connection.test", "{}"))->mailbox() == nullptr);
}

TEST_CASE("an event is named by its id, and says who is told", "[unit][commands]")
{
    const std::string times =
        R"("subject":"Review","start":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z")";
    const auto create = [&](const std::string& more) {
        return make("event.create", "{" + times + (more.empty() ? "" : ",") + more + "}");
    };
    CHECK(refused(make("event.create", "{}")) == "params.event_id: is missing");
    for (const auto& id :
         {std::string(R"("")"), std::string(R"("a b")"), std::string("7"), '"' + std::string(201, 'e') + '"'})
        CHECK(refused(create(R"("event_id":)" + id)).starts_with("params.event_id: "));
    CHECK(taken(create(R"("event_id":"e-1")"))->event_id() == "e-1");
    CHECK(refused(create(R"("event_id":"e-1","notify":"changed")")) ==
          "params.notify: must be one of all, none");

    CHECK(refused(make("event.update", R"({"event_id":"e"})")) == "params.set: is missing");
    const auto update = [](const std::string& notify) {
        return make("event.update", R"({"event_id":"e","set":{"subject":"x"},"notify":")" + notify + "\"}");
    };
    CHECK(refused(update("some")) == "params.notify: must be one of all, changed, none");
    CHECK(taken(update("changed"))->may_apply_in_part());
}

TEST_CASE("event.cancel and event.get name their event", "[unit][commands]")
{
    CHECK(refused(make("event.cancel", "{}")) == "params.event_id: is missing");
    CHECK(refused(make("event.get", R"({"event_id":"a/b"})")).starts_with("params.event_id: "));
    CHECK(refused(make("event.cancel", R"({"event_id":"e","notify":"changed"})")) ==
          "params.notify: must be one of all, none");
    CHECK(taken(make("event.cancel", R"({"event_id":"e","notify":"none"})"))->event_id() == "e");
    CHECK(taken(make("event.get", R"({"event_id":")" + std::string(200, 'e') + "\"}"))->event_id().size() ==
          200);
}

TEST_CASE("availability.get is read in the order asked", "[unit][commands]")
{
    const auto get = [](const std::string& mailboxes, const std::string& start = "2026-11-22T00:00:00Z",
                        const std::string& end = "2026-11-29T00:00:00Z") {
        return make("availability.get",
                    R"({"mailboxes":)" + mailboxes + R"(,"start":")" + start + R"(","end":")" + end + "\"}",
                    "");
    };
    CHECK(refused(make("availability.get", "{}")) == "params.mailboxes: is missing");
    CHECK(refused(get("[]")) == "params.mailboxes: must have at least one entry");
    CHECK(refused(get(R"(["a@b.c","x"])")) == "params.mailboxes[1]: is not an SMTP address");
    CHECK(refused(get(list(1001, R"("u#@corp.example")"))) ==
          "params.mailboxes: must have at most 1000 entries");
    CHECK(refused(get(R"(["a@b.c"])", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z")) ==
          "params.end: must be after start");
    CHECK(refused(get(R"(["a@b.c"])", "1700-01-01T00:00:00Z", "2026-11-22T00:00:00Z"))
              .starts_with("params.end: must be at most"));
    const auto op = taken(get(R"(["b@corp.example","a@corp.example","B@corp.example"])"));
    const auto asked = op->asks_about();
    REQUIRE(asked.size() == 3);
    CHECK(asked[2].str() == "B@corp.example");
    CHECK(taken(get(list(1000, R"("u#@corp.example")")))->asks_about().size() == 1000);
}

TEST_CASE("availability.watch is read with its defaults and limits", "[unit][commands]")
{
    const auto watch = [](const std::string& mailboxes, const std::string& more = "") {
        return make("availability.watch", R"({"watch_id":"w-1","mailboxes":)" + mailboxes + more + "}", "");
    };
    CHECK(refused(make("availability.watch", "{}", "")) == "params.watch_id: is missing");
    CHECK(refused(make("availability.watch", R"({"watch_id":"w 1"})", "")).starts_with("params.watch_id: "));
    CHECK(refused(make("availability.watch", R"({"watch_id":"w"})", "")) == "params.mailboxes: is missing");
    CHECK(refused(watch("[]")) == "params.mailboxes: must have at least one entry");
    CHECK(refused(watch(list(5001, R"("u#@corp.example")"))) ==
          "params.mailboxes: must have at most 5000 entries");
    for (const auto* days : {"0", "181", "1.5", R"("60")"})
        CHECK(refused(watch(R"(["a@b.c"])", std::string(R"(,"horizon_days":)") + days)) ==
              "params.horizon_days: must be a whole number from 1 to 180");
    for (const auto* seconds : {"29", "86401", "true"})
        CHECK(refused(watch(R"(["a@b.c"])", std::string(R"(,"interval_s":)") + seconds)) ==
              "params.interval_s: must be a whole number from 30 to 86400");

    const auto usual = watched(watch(R"(["B@corp.example","a@b.c","b@Corp.Example"])"));
    CHECK(usual.watch_id == "w-1");
    REQUIRE(usual.mailboxes.size() == 2); // addresses are compared without case
    CHECK(usual.mailboxes[0].str() == "B@corp.example");
    CHECK(usual.horizon == std::chrono::days(60));
    CHECK(usual.interval == std::chrono::seconds(300));
    const auto other = watched(watch(list(5000, R"("u#@c.d")"), R"(,"horizon_days":180,"interval_s":30)"));
    CHECK(other.mailboxes.size() == 5000);
    CHECK(other.horizon == std::chrono::days(180));
    CHECK(other.interval == std::chrono::seconds(30));

    CHECK(refused(make("availability.unwatch", "{}", "")) == "params.watch_id: is missing");
    CHECK(taken(make("availability.unwatch", R"({"watch_id":"w-1"})", ""))->ordering_key() == "watch:w-1");
}

TEST_CASE("commands for one watch run one after the other, beside those for events", "[unit][commands]")
{
    const auto ordering_key = [](const command& c) { return (*catalog().read(c))->ordering_key(); };
    CHECK(ordering_key(make("availability.watch", R"({"watch_id":"w-1","mailboxes":["a@b.c"]})", "")) ==
          "watch:w-1");
    CHECK(ordering_key(make("availability.unwatch", R"({"watch_id":"w-1"})", "")) == "watch:w-1");
}

TEST_CASE("commands for one event share a lane whatever the mailbox's case", "[unit][commands]")
{
    const auto ordering_key = [](const command& c) { return (*catalog().read(c))->ordering_key(); };
    CHECK(ordering_key(make("event.get", R"({"event_id":"E-1"})", "Host@Corp.example")) ==
          "host@corp.example/E-1");
    CHECK(ordering_key(make("event.cancel", R"({"event_id":"E-1"})")) == "host@corp.example/E-1");
    CHECK(ordering_key(make("event.cancel", R"({"event_id":"e-1"})")) == "host@corp.example/e-1");
    CHECK(ordering_key(make("mailbox.verify", "{}")).empty());
    CHECK(ordering_key(make("connection.test", "{}")).empty());
}
