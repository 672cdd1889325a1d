// The watcher between a real queue and a scripted Exchange, in virtual time.
#include "agent/watch/watcher.hpp"
#include "common/time/rfc3339.hpp"
#include "tests/unit/store/store_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include <map>

using namespace relay;
using ews::busy_status;
namespace json = boost::json;

namespace {

// Calendars that only free/busy is asked of.
class calendars final : public ews::exchange {
public:
    explicit calendars(time_source& time) : time_(time) {}

    std::map<std::string, std::vector<ews::busy_period>> busy; // by mailbox
    std::map<std::string, protocol::fault> faults;             // likewise
    std::optional<ews::error> error;                           // of every request
    int requests = 0;
    std::size_t most_asked = 0;
    std::vector<std::string> asked;
    std::vector<std::string> looked_up;                 // in the address book
    std::map<std::string, ews::recipient> address_book; // whoever is not in it is a mailbox of that address

    task<ews::outcome<std::vector<ews::mailbox_busy>>>
    availability(std::vector<mailbox_address> mailboxes, utc_time start, utc_time end, duration) override
    {
        ++requests;
        most_asked = std::max(most_asked, mailboxes.size());
        for (const auto& m : mailboxes)
            asked.push_back(m.str());
        const auto interrupted = co_await time_.sleep_for(20ms);
        if (interrupted || error)
            co_return error.value_or(ews::error{});
        std::vector<ews::mailbox_busy> answers;
        for (const auto& m : mailboxes) {
            if (const auto f = faults.find(m.key()); f != faults.end()) {
                answers.emplace_back(f->second);
                continue;
            }
            std::vector<ews::busy_period> here;
            for (const auto& p : busy[m.key()])
                if (p.start < end && p.end > start)
                    here.push_back(p);
            answers.emplace_back(std::move(here));
        }
        co_return answers;
    }

    task<ews::outcome<ews::server_info>> resolve_account(duration) override { co_return ews::error{}; }
    task<ews::outcome<ews::recipient>> find_recipient(const mailbox_address& address, duration) override
    {
        looked_up.push_back(address.key());
        if (error)
            co_return *error;
        const auto found = address_book.find(address.key());
        co_return found == address_book.end() ? ews::recipient{ews::recipient::kind::one, address.key()}
                                              : found->second;
    }
    task<ews::outcome<ews::mailbox_info>> open_calendar(const mailbox_address&, duration) override
    {
        co_return ews::error{};
    }
    task<ews::outcome<ews::search_result>> find(const mailbox_address&, std::string, duration) override
    {
        co_return ews::error{};
    }
    task<ews::outcome<std::vector<ews::mail_folder>>> other_folders(const mailbox_address&, duration) override
    {
        co_return ews::error{};
    }
    task<ews::outcome<ews::search_result>> find_in(const mailbox_address&, std::string,
                                                   std::vector<ews::mail_folder>, duration) override
    {
        co_return ews::error{};
    }
    task<ews::outcome<ews::item>> get(const mailbox_address&, ews::item_ref, duration) override
    {
        co_return ews::error{};
    }
    task<ews::outcome<std::vector<ews::outcome<ews::item_state>>>>
    states(const mailbox_address&, std::vector<std::string>, duration) override
    {
        co_return ews::error{};
    }
    task<ews::outcome<ews::item_ref>> create(const mailbox_address&, ews::item_fields, ews::marks,
                                             std::string, protocol::notify, ews::write_bounds) override
    {
        co_return ews::error{};
    }
    task<ews::outcome<ews::item_ref>> update(const mailbox_address&, ews::item_ref, ews::item_fields,
                                             std::string, protocol::notify, ews::write_bounds) override
    {
        co_return ews::error{};
    }
    task<ews::outcome<void>> remove(const mailbox_address&, ews::item_ref, protocol::notify,
                                    ews::write_bounds) override
    {
        co_return ews::error{};
    }

private:
    time_source& time_;
};

const ews::error outage{{protocol::fault_code::exchange_unavailable, "mail:443: refused", {}},
                        ews::retry_action::retry,
                        ews::effect::none,
                        {},
                        false};

struct watch_fixture : test::loop_fixture {
    std::unique_ptr<store::sqlite_queue_store> queue = open();
    calendars exchange{time};
    policy::policy rules{policy::rules()};
    std::optional<store::outbox> out;
    std::optional<exchange_access::circuit_breaker> gate;
    exchange_access::concurrency_limiter limiter{time, 10};
    exchange_access::mailbox_quarantine quarantine;
    exchange_access::recipients recipients;
    std::optional<watch::watcher> watcher;
    asio::cancellation_signal cancel;
    bool ended = false;
    int commands = 0;

    watch_fixture() { start(); }
    ~watch_fixture() { stop(); }

    void start()
    {
        out.emplace(context.get_executor(), *queue, time, log);
        REQUIRE(await(out->recover()).has_value());
        gate.emplace(
            1, [] {}, log);
        watcher.emplace(context.get_executor(),
                        watch::watcher::parts{*queue, *out, exchange, *gate, limiter, quarantine, time, rules,
                                              recipients, log},
                        30s);
        ended = false;
        asio::co_spawn(
            context, watcher->run(),
            asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr) { ended = true; }));
        time.settle();
    }
    void stop()
    {
        cancel.emit(asio::cancellation_type::terminal);
        for (int i = 0; i < 10 && !ended; ++i)
            time.settle();
        REQUIRE(ended);
        await(out->stop());
    }
    void restart()
    {
        stop();
        start();
    }

    void put(const std::string& id, const std::vector<std::string>& mailboxes,
             std::chrono::seconds interval = 300s, int days = 60)
    {
        store::new_watch w{id, "c-" + std::to_string(++commands), {std::chrono::days(days), interval}, {}};
        for (const auto& m : mailboxes)
            w.mailboxes.push_back(*mailbox_address::parse(m));
        const auto done = await(queue->put_watch(std::move(w)));
        REQUIRE(done.has_value());
        REQUIRE(*done == store::watch_put::stored);
        watcher->changed();
        time.advance(2s); // one batch of first looks a second
    }
    void set_busy(const std::string& mailbox, const std::vector<std::string>& starts)
    {
        auto& list = exchange.busy[mailbox];
        list.clear();
        for (const auto& s : starts)
            list.push_back({*parse_rfc3339(s), *parse_rfc3339(s) + 1h, busy_status::busy});
    }

    // What lies in the outbox: "#1 w a@c.d 2" where two periods are told, "#1 w a@c.d policy_denied" for an error.
    std::vector<std::string> stored()
    {
        const auto page = await(queue->read(0, 1000, 100'000'000));
        REQUIRE(page.has_value());
        std::vector<std::string> lines;
        for (const auto& m : *page) {
            const auto event = json::parse(m.body);
            CHECK(event.at("event") == "availability.changed");
            const auto& d = event.at("data").as_object();
            CHECK(parse_rfc3339(std::string_view(d.at("as_of").as_string())).has_value());
            CHECK(d.contains("busy") != d.contains("error"));
            const auto what = d.contains("busy") ? std::to_string(d.at("busy").as_array().size())
                                                 : std::string(d.at("error").at("code").as_string());
            lines.push_back("#" + std::to_string(m.seq) + " " + std::string(d.at("watch_id").as_string()) +
                            " " + std::string(d.at("mailbox").as_string()) + " " + what);
        }
        return lines;
    }
    // Every frame that goes out now.
    std::size_t send_all()
    {
        std::size_t count = 0;
        for (;;) {
            std::optional<std::string> frame;
            asio::cancellation_signal enough;
            asio::co_spawn(
                context, out->next(),
                asio::bind_cancellation_slot(enough.slot(), [&](std::exception_ptr e, result<std::string> f) {
                    if (!e && f.has_value())
                        frame = std::move(*f);
                }));
            time.settle();
            enough.emit(asio::cancellation_type::terminal);
            time.settle();
            if (!frame)
                return count;
            ++count;
        }
    }
};

using lines = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(watch_fixture, "the first look at each mailbox is told", "[unit][watch]")
{
    set_busy("a@corp.example", {"2026-11-23T09:00:00Z", "2026-11-24T09:00:00Z"});
    put("w", {"A@corp.example", "b@corp.example"});
    CHECK(stored() == lines{"#1 w A@corp.example 2", "#2 w b@corp.example 0"});
    CHECK(exchange.requests == 2); // sixty days are two windows
    CHECK(watcher->watches() == 1);
    CHECK(watcher->mailboxes() == 2);
    time.advance(2000s);
    CHECK(stored().size() == 2); // nothing changed
    CHECK(exchange.requests > 10);
}

TEST_CASE_METHOD(watch_fixture, "a change that was never sent is replaced in place by the next one",
                 "[unit][watch]")
{
    put("w", {"a@corp.example", "b@corp.example"});
    set_busy("a@corp.example", {"2026-11-23T09:00:00Z"});
    time.advance(300s);
    CHECK(stored() == lines{"#1 w a@corp.example 1", "#2 w b@corp.example 0"});
    set_busy("a@corp.example", {"2026-11-23T09:00:00Z", "2026-11-25T09:00:00Z"});
    time.advance(300s);
    CHECK(stored() == lines{"#1 w a@corp.example 2", "#2 w b@corp.example 0"});
}

TEST_CASE_METHOD(watch_fixture, "a change that may have been sent stays, and the next one is a new event",
                 "[unit][watch]")
{
    put("w", {"a@corp.example"});
    out->link_up(0, 1 << 20);
    CHECK(send_all() == 1);
    await(out->link_down());
    for (const auto* day : {"2026-11-23", "2026-11-24", "2026-11-25"}) {
        set_busy("a@corp.example", {std::string(day) + "T09:00:00Z"});
        time.advance(300s);
    }
    CHECK(stored() == lines{"#1 w a@corp.example 0", "#2 w a@corp.example 1"});
    out->link_up(0, 1 << 20);
    CHECK(send_all() == 2);
    // With the link up each change goes out as it comes.
    set_busy("a@corp.example", {});
    time.advance(300s);
    CHECK(send_all() == 1);
    set_busy("a@corp.example", {"2026-11-23T09:00:00Z"});
    time.advance(300s);
    CHECK(send_all() == 1);
    CHECK(stored().size() == 4);
}

TEST_CASE_METHOD(watch_fixture, "a restart tells nothing anew and misses no change", "[unit][watch]")
{
    set_busy("a@corp.example", {"2026-11-23T09:00:00Z"});
    put("w", {"a@corp.example", "b@corp.example"});
    out->link_up(0, 1 << 20);
    CHECK(send_all() == 2);
    restart();
    time.advance(1000s);
    CHECK(stored().size() == 2);
    stop();
    set_busy("b@corp.example", {"2026-11-23T09:00:00Z"});
    start();
    time.advance(10s);
    CHECK(stored() == lines{"#1 w a@corp.example 1", "#2 w b@corp.example 0", "#3 w b@corp.example 1"});
    // What was never sent before the restart is still replaced in place.
    restart();
    set_busy("b@corp.example", {});
    time.advance(300s);
    CHECK(stored() == lines{"#1 w a@corp.example 1", "#2 w b@corp.example 0", "#3 w b@corp.example 0"});
}

TEST_CASE_METHOD(watch_fixture, "a mailbox that policy denies is told so and not asked about",
                 "[unit][watch]")
{
    rules = policy::policy({{"*"}, {"*"}, {"ceo@corp.example"}});
    put("w", {"a@corp.example", "CEO@corp.example"});
    CHECK(stored() == lines{"#1 w a@corp.example 0", "#2 w CEO@corp.example policy_denied"});
    CHECK(exchange.asked == lines{"a@corp.example", "a@corp.example"});
    time.advance(600s);
    CHECK(stored().size() == 2);
    rules = policy::policy(policy::rules());
    time.advance(300s);
    CHECK(stored() == lines{"#1 w a@corp.example 0", "#2 w CEO@corp.example 0"});
}

TEST_CASE_METHOD(watch_fixture,
                 "a list, and another name of a denied mailbox, are watched no more than that mailbox",
                 "[unit][watch][policy]")
{
    using kind = ews::recipient::kind;
    exchange.address_book = {{"boss@corp.example", {kind::one, "ceo@corp.example"}},
                             {"board@corp.example", {kind::several, "board@corp.example"}}};
    rules = policy::policy({{"*"}, {"*"}, {"ceo@corp.example"}});
    put("w", {"a@corp.example", "boss@corp.example", "board@corp.example"});
    CHECK(stored() == lines{"#1 w a@corp.example 0", "#2 w boss@corp.example policy_denied",
                            "#3 w board@corp.example policy_denied"});
    for (const auto& m : exchange.asked)
        CHECK(m == "a@corp.example");
    CHECK(exchange.looked_up.size() == 3);
    time.advance(3600s);
    CHECK(exchange.looked_up.size() == 3); // known for a day
    rules = policy::policy(policy::rules());
    time.advance(300s);
    CHECK(stored().back() == "#3 w board@corp.example 0");
}

TEST_CASE_METHOD(watch_fixture, "one mailbox that cannot be read is an error of its own", "[unit][watch]")
{
    exchange.faults["b@corp.example"] = {protocol::fault_code::mailbox_not_found, "no such mailbox",
                                         "ErrorMailRecipientNotFound"};
    put("w", {"a@corp.example", "b@corp.example"});
    CHECK(stored() == lines{"#1 w a@corp.example 0", "#2 w b@corp.example mailbox_not_found"});
    exchange.faults.clear();
    time.advance(300s);
    CHECK(stored() == lines{"#1 w a@corp.example 0", "#2 w b@corp.example 0"});
}

TEST_CASE_METHOD(watch_fixture, "while Exchange is away nobody is looked at, and nothing is told",
                 "[unit][watch]")
{
    put("w", {"a@corp.example"}, 30s);
    exchange.error = outage;
    set_busy("a@corp.example", {"2026-11-23T09:00:00Z"});
    time.advance(60s);
    const auto asked = exchange.requests;
    time.advance(3600s);
    CHECK(exchange.requests == asked);
    CHECK(stored().size() == 1);
    const auto text = logged.str();
    CHECK(std::count(text.begin(), text.end(), '\n') <= 3);
    exchange.error.reset();
    gate->succeeded(time.now(), time.utc_now()); // as the idle probe finds out
    time.advance(70s);
    CHECK(stored() == lines{"#1 w a@corp.example 1"});
}

TEST_CASE_METHOD(watch_fixture, "a pause that Exchange asks for is kept", "[unit][watch]")
{
    put("w", {"a@corp.example"}, 30s);
    exchange.error = ews::error{{protocol::fault_code::exchange_busy, "busy", "ErrorServerBusy"},
                                ews::retry_action::back_off,
                                ews::effect::none,
                                600s,
                                true};
    time.advance(31s);
    const auto asked = exchange.requests;
    exchange.error.reset();
    time.advance(500s);
    CHECK(exchange.requests == asked);
    time.advance(150s);
    CHECK(exchange.requests > asked);
}

TEST_CASE_METHOD(watch_fixture, "an unwatched mailbox is not looked at any more, a replaced watch tells anew",
                 "[unit][watch]")
{
    put("w", {"a@corp.example", "b@corp.example"});
    put("w", {"b@corp.example", "c@corp.example"});
    // The event about b was not sent yet: it is replaced, that about a stays.
    CHECK(stored() == lines{"#1 w a@corp.example 0", "#2 w b@corp.example 0", "#3 w c@corp.example 0"});
    CHECK(watcher->mailboxes() == 2);
    REQUIRE(await(queue->remove_watch("w")).has_value());
    watcher->changed();
    time.settle();
    exchange.asked.clear();
    time.advance(1000s);
    CHECK(exchange.asked.empty());
    CHECK(watcher->watches() == 0);
    CHECK(watcher->mailboxes() == 0);
}

TEST_CASE_METHOD(watch_fixture, "a mailbox that is woken is looked at alone, and soon", "[unit][watch]")
{
    put("w", {"a@corp.example", "b@corp.example"}, 3600s);
    time.advance(100s);
    exchange.asked.clear();
    set_busy("b@corp.example", {"2026-11-23T09:00:00Z"});
    watcher->wake(*mailbox_address::parse("B@corp.example"));
    watcher->wake(*mailbox_address::parse("nobody@corp.example"));
    time.advance(5s);
    CHECK(exchange.asked == lines{"b@corp.example", "b@corp.example"});
    CHECK(stored().back() == "#2 w b@corp.example 1");
}

TEST_CASE_METHOD(watch_fixture, "a watch of five thousand mailboxes is read by hundreds", "[unit][watch]")
{
    std::vector<std::string> many;
    for (int i = 0; i < 5000; ++i)
        many.push_back("u" + std::to_string(i) + "@corp.example");
    put("w", many);
    time.advance(60s);
    CHECK(exchange.most_asked == 100);
    CHECK(await(queue->status())->unacked == 5000);
    const auto before = exchange.requests;
    time.advance(3000s);
    CHECK(exchange.requests - before <= 2 * 505); // fifty batches of two windows in 300 s
    CHECK(exchange.requests - before >= 2 * 495);
    CHECK(await(queue->status())->unacked == 5000);
}

TEST_CASE_METHOD(watch_fixture, "one mailbox in two watches is asked about once where they look alike",
                 "[unit][watch]")
{
    put("v", {"a@corp.example"});
    put("w", {"a@corp.example"});
    CHECK(stored() == lines{"#1 v a@corp.example 0", "#2 w a@corp.example 0"});
    exchange.asked.clear();
    set_busy("a@corp.example", {"2026-11-23T09:00:00Z"});
    watcher->wake(*mailbox_address::parse("a@corp.example"));
    time.advance(5s);
    CHECK(exchange.asked.size() == 2); // two windows
    CHECK(stored() == lines{"#1 v a@corp.example 1", "#2 w a@corp.example 1"});
}

TEST_CASE_METHOD(watch_fixture, "more than can be watched is refused", "[unit][watch]")
{
    std::vector<mailbox_address> many;
    for (int i = 0; i < 5000; ++i)
        many.push_back(*mailbox_address::parse("u" + std::to_string(i) + "@corp.example"));
    for (const auto* id : {"w-1", "w-2", "w-3", "w-4"})
        REQUIRE(*await(queue->put_watch({id, id, {}, many})) == store::watch_put::stored);
    watcher->changed();
    time.settle();
    CHECK(*await(queue->put_watch({"w-5", "c-5", {}, {many[0]}})) == store::watch_put::full);
    CHECK(*await(queue->put_watch({"w-4", "c-6", {}, many})) == store::watch_put::stored);
    const auto room = watcher->has_room({"w-5", {many[0]}});
    REQUIRE(room.has_error());
    CHECK(room.error().code == protocol::fault_code::overloaded);
    CHECK(watcher->has_room({"w-1", {many[0]}}).has_value());
}
