// The demo: the real agent between a stand-in Exchange and a stand-in cloud, told so that a person can follow.
// Ends by itself: 0 where everything that it claims was seen to hold, 1 where anything was not.
#include "tests/demo/day_picture.hpp"
#include "tests/demo/narrator.hpp"
#include "tests/support/relay_world.hpp"

#include <unistd.h>

#include <optional>

namespace relay::demo {
namespace {

using test::relay_world;
using test::tally;
namespace json = boost::json;

constexpr std::string_view host = "host@corp.example";
const std::string day = "2026-12-01";

std::string text(const json::value& v, std::string_view pointer)
{
    boost::system::error_code ec;
    const auto* found = v.find_pointer(pointer, ec);
    return found && found->is_string() ? std::string(found->as_string()) : std::string();
}

std::string in_words(const json::object& result)
{
    if (test::outcome(result) == "ok")
        return "ok";
    return fmt::format("{}: {}", test::outcome(result), text(result, "/error/message"));
}

json::object params(std::string_view event_id, std::string_view from, std::string_view to)
{
    return {{"event_id", event_id},
            {"subject", "Interview"},
            {"start", day + "T" + std::string(from) + ":00Z"},
            {"end", day + "T" + std::string(to) + ":00Z"},
            {"time_zone", "Europe/Berlin"},
            {"online_meeting_url", "https://meet.example/interview"},
            {"body", {{"format", "html"}, {"content", "<p>We look forward to meeting you.</p>"}}},
            {"attendees",
             {{{"email", "user1@corp.example"}, {"role", "required"}},
              {{"email", "candidate@elsewhere.example"}, {"name", "A Candidate"}, {"role", "required"}}}}};
}

void people_have_meetings(relay_world& w)
{
    const auto add = [&](const std::string& mailbox, const std::string& from, const std::string& to,
                         const std::string& busy) {
        w.exchange().post("/mailboxes/" + mailbox + "/items", {{"subject", "Private"},
                                                               {"start", day + "T" + from + ":00Z"},
                                                               {"end", day + "T" + to + ":00Z"},
                                                               {"busy", busy}});
    };
    add("host@corp.example", "08:30", "09:30", "Busy");
    add("host@corp.example", "09:30", "10:00", "Busy");
    add("host@corp.example", "14:00", "15:00", "Tentative");
    add("user1@corp.example", "08:00", "12:00", "OOF");
    add("user2@corp.example", "11:00", "11:30", "Busy");
    add("user2@corp.example", "16:00", "18:00", "Busy");
}

// What Exchange sent since `before`, a line each.
std::string mail_since(relay_world& w, std::size_t before)
{
    std::string lines;
    const auto ledger = w.exchange().get("/ledger");
    const auto& all = ledger.at("notifications").as_array();
    for (std::size_t i = before; i < all.size(); ++i)
        lines += fmt::format("{:<8} {} -> {}\n", text(all[i], "/kind"), text(all[i], "/from"),
                             text(all[i], "/to"));
    return lines;
}

std::size_t mails(relay_world& w)
{
    return w.exchange().get("/ledger").at("notifications").as_array().size();
}

class story {
public:
    explicit story(narrator& n) : tell_(n) {}

    void play()
    {
        begin();
        look_around();
        free_busy();
        one_booking();
        cut_link();
        killed_agent();
        end();
    }

private:
    json::object run(std::string_view what, std::string_view op, std::string_view mailbox, json::object p)
    {
        json::object result;
        tell_.during(what, [&] {
            result = world_->call(op, mailbox, std::move(p));
            return in_words(result);
        });
        if (test::outcome(result) != "ok")
            tell_.expect(false, fmt::format("{} succeeds", op));
        return result;
    }

    void begin()
    {
        tell_.heading("A company's network, and a cloud outside it");
        tell_.says("A throw-away PKI, a stand-in Exchange 2019, a stand-in cloud; the agent between them is "
                   "the real one.");
        tell_.during("the agent starts and dials out", [&] {
            test::world_options o;
            o.config = {{"exchange.auth", "\"ntlm\""}, {"exchange.settle_s", "5"}};
            world_ = std::make_unique<relay_world>(std::move(o));
            return std::string("connected over mutual TLS");
        });
        const auto agents = world_->cloud().get("/agents");
        tell_.says(fmt::format("The cloud sees agent {} \"{}\"; nothing listens on the company's side.",
                               text(agents, "/0/hello/agent/id"), text(agents, "/0/hello/agent/name")));
    }

    void look_around()
    {
        tell_.heading("Does it reach Exchange, and may it act for a host?");
        const auto test = run("connection.test", "connection.test", "", {});
        tell_.shows(fmt::format("{} {}, signed in by NTLM as {}", text(test, "/output/server/product"),
                                text(test, "/output/server/version"), text(test, "/output/account/name")));
        const auto verify = run("mailbox.verify", "mailbox.verify", host, {});
        tell_.shows(fmt::format("{}: \"{}\", impersonation works and the calendar opens",
                                text(verify, "/output/mailbox"), text(verify, "/output/display_name")));
        const auto denied = world_->call("mailbox.verify", "private@corp.example", {});
        tell_.expect(test::outcome(denied) == "impersonation_denied",
                     "a mailbox that Exchange does not open to the agent stays shut");
    }

    void show_day(std::string_view title)
    {
        const auto result =
            run(title, "availability.get", "",
                {{"mailboxes", {host, "user1@corp.example", "user2@corp.example", "nobody@corp.example"}},
                 {"start", day + "T00:00:00Z"},
                 {"end", day + "T23:59:00Z"}});
        if (test::outcome(result) == "ok")
            tell_.shows(day_picture(result.at("output").at("mailboxes").as_array(), day, tell_.terminal()));
    }

    void free_busy()
    {
        tell_.heading("When is everybody free? (" + day + ", UTC)");
        people_have_meetings(*world_);
        show_day("availability.get");
    }

    void one_booking()
    {
        tell_.heading("A booking: made, moved, cancelled");
        auto before = mails(*world_);
        run("event.create at 12:00", "event.create", host, params("booking-1", "12:00", "13:00"));
        tell_.says("Exchange sent:");
        tell_.shows(mail_since(*world_, before));
        show_day("availability.get, with the booking");

        before = mails(*world_);
        run("event.update to 15:00", "event.update", host,
            {{"event_id", "booking-1"},
             {"set", {{"start", day + "T15:00:00Z"}, {"end", day + "T16:00:00Z"}}}});
        tell_.shows(mail_since(*world_, before));
        const auto now = run("event.get", "event.get", host, {{"event_id", "booking-1"}});
        tell_.expect(text(now, "/output/start") == day + "T15:00:00Z", "the booking is at 15:00 now");

        before = mails(*world_);
        run("event.cancel", "event.cancel", host, {{"event_id", "booking-1"}});
        tell_.shows(mail_since(*world_, before));
        tell_.expect(world_->ledger() == tally{1, 1, 1, 2, 2, 2},
                     "one item, and each of two people told three times");
    }

    void cut_link()
    {
        tell_.heading("The link is cut in the middle of a booking");
        world_->faults({{{"operation", "CreateItem"},
                         {"when", "before"},
                         {"action", "delay"},
                         {"ms", 800},
                         {"count", 1}}});
        const auto id = world_->send("event.create", host, params("booking-2", "10:00", "11:00"));
        const bool under_way = test::eventually([&] { return world_->requests("CreateItem") == 2; });
        world_->cut_link();
        tell_.expect(under_way, "Exchange is at work on it when the link goes");
        finished(id, "the agent comes back by itself and delivers the result");
        tell_.expect(world_->ledger() == tally{2, 1, 1, 4, 2, 2}, "booked once, everybody invited once");
    }

    void killed_agent()
    {
        tell_.heading("The agent is killed in the middle of a booking (SIGKILL)");
        world_->faults({{{"operation", "CreateItem"},
                         {"when", "after"},
                         {"action", "delay"},
                         {"ms", 3000},
                         {"count", 1}}});
        const auto id = world_->send("event.create", host, params("booking-3", "13:00", "14:00"));
        const bool made = test::eventually([&] { return world_->ledger().creates == 3; });
        world_->kill_agent();
        tell_.expect(made, "Exchange has made the item, and its answer has not reached the agent");
        tell_.during("the agent starts again", [&] {
            world_->start_agent();
            world_->wait_connected();
            return std::string("connected");
        });
        finished(id, "it finds the item by its mark and answers, without booking again");
        tell_.expect(world_->ledger() == tally{3, 1, 1, 6, 2, 2}, "booked once, everybody invited once");
    }

    void finished(const std::string& id, std::string_view what)
    {
        tell_.during(what, [&] {
            const auto result = world_->result(id);
            if (test::outcome(result) != "ok")
                tell_.expect(false, "the booking succeeds");
            return in_words(result);
        });
        const auto record = world_->record(id);
        tell_.expect(record.at("results").to_number<int>() >= 1 && record.at("sent").to_number<int>() == 1,
                     "the cloud sent the command once and has its result");
    }

    void end()
    {
        tell_.heading("The end");
        tell_.expect(world_->stop_agent() == 0, "the agent drains, says goodbye and ends with 0");
        tell_.expect(world_->violations().empty(), "the cloud saw no violation of the protocol");
    }

    narrator& tell_;
    std::unique_ptr<relay_world> world_;
};

int run()
{
    narrator tell(::isatty(STDOUT_FILENO) == 1);
    const auto start = std::chrono::steady_clock::now();
    try {
        story(tell).play();
    } catch (const std::exception& e) {
        tell.expect(false, e.what());
    }
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    fmt::print("\n{} {:.1f} s.\n",
               tell.failures() == 0
                   ? "Everything above was really done, and checked against the ledgers of both sides, in"
                   : "Something above did not hold (FAIL), after",
               seconds);
    return tell.failures() == 0 ? 0 : 1;
}

} // namespace
} // namespace relay::demo

int main()
{
    return relay::demo::run();
}
