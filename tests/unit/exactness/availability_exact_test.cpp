// availability.get against an independent model: whatever lies in the calendars, the answer is right to the minute.
#include "tests/support/random_calendars.hpp"
#include "tests/unit/exactness/in_process_exchange.hpp"

using namespace relay;
using namespace relay::test;
using exchange_sim::free_busy_rights;

namespace {

constexpr minute day = 24 * 60;
constexpr minute new_year = 29'453'760; // 2026-01-01T00:00:00Z
constexpr minute slot = 5;

json::object question(const json::array& mailboxes, minute from, minute to)
{
    return {{"mailboxes", mailboxes}, {"start", rfc3339(from)}, {"end", rfc3339(to)}};
}

const json::object& entry_of(const json::object& result, std::size_t i)
{
    return result.at("output").at("mailboxes").as_array().at(i).as_object();
}

// One mailbox of the answer against what is true.
void check(const json::object& entry, const minute_map& wanted, minute from, minute to)
{
    INFO(json::serialize(entry).substr(0, 2000));
    REQUIRE(entry.at("ok").as_bool());
    const auto got = read_minutes(entry.at("busy").as_array(), from, to);
    CHECK(got.wrong == "");
    CHECK(difference(got.minutes, wanted, from) == "");
}

std::string error_of(const json::object& entry)
{
    return entry.at("ok").as_bool() ? "ok" : std::string(entry.at("error").at("exchange").as_string());
}

std::string text_of_first_start(const json::object& entry)
{
    return std::string(entry.at("busy").as_array().at(0).at("start").as_string());
}

// A mailbox with a random calendar and random rights.
struct asked_mailbox {
    std::string email;
    random_calendar calendar;
    free_busy_rights rights = free_busy_rights::detail;
    std::string failure; // its own ResponseCode
};

free_busy_rights pick_rights(random_source& random)
{
    using enum free_busy_rights;
    constexpr std::array<free_busy_rights, 10> usual{detail, detail, time,   time,   time,
                                                     time,   merged, merged, hidden, no_access};
    return usual.at(static_cast<std::size_t>(pick(random, 0, 9)));
}

void check_answer(const json::object& entry, const asked_mailbox& asked, minute from, minute to)
{
    const bool shut = asked.rights == free_busy_rights::hidden || asked.rights == free_busy_rights::no_access;
    if (shut)
        CHECK(error_of(entry) == "ErrorNoFreeBusyAccess");
    else if (!asked.failure.empty())
        CHECK(error_of(entry) == asked.failure);
    else if (asked.rights == free_busy_rights::merged)
        check(entry, merged_minutes({&asked.calendar}, from, to, slot), from, to);
    else
        check(entry, minutes_of(asked.calendar.taken, from, to), from, to);
}

} // namespace

TEST_CASE_METHOD(exact_fixture, "busy time is what random calendars hold, to the minute", "[unit][exactness]")
{
    random_source random(Catch::rngSeed());
    INFO("seed " << Catch::rngSeed());
    int asked_in_all = 0;
    for (int round = 0; round < 700; ++round) {
        const auto from = new_year + pick(random, 0, 600) * day;
        const auto to = from + pick(random, 1, chance(random, 10) ? 70 : 10) * day;
        std::vector<asked_mailbox> boxes;
        json::array addresses;
        for (int i = 0; i < 3; ++i) {
            asked_mailbox asked{"m" + std::to_string(round) + "-" + std::to_string(i) + "@corp.example",
                                make_calendar(random, from, to, static_cast<int>(pick(random, 0, 14))),
                                pick_rights(random),
                                chance(random, 3) ? "ErrorProxyRequestProcessingFailed" : ""};
            auto& box = sim.mailbox(asked.email);
            box.rights = asked.rights;
            box.free_busy_failure = asked.failure;
            for (const auto& item : asked.calendar.items)
                sim.put(asked.email, item.as_object());
            addresses.emplace_back(asked.email);
            boxes.push_back(std::move(asked));
        }
        for (int i = 0; i < 3; ++i) {
            const auto start = pick(random, from, to - 10);
            const auto end =
                chance(random, 20) ? start + pick(random, 1, 9) : pick(random, start + 1, to - 5);
            const auto result = call("availability.get", question(addresses, start, end));
            REQUIRE(result.at("ok").as_bool());
            for (std::size_t b = 0; b < boxes.size(); ++b) {
                INFO("round " << round << ", " << boxes[b].email << " from " << rfc3339(start) << " to "
                              << rfc3339(end) << ", items " << json::serialize(boxes[b].calendar.items));
                check_answer(entry_of(result, b), boxes[b], start, end);
                ++asked_in_all;
            }
        }
    }
    CHECK(asked_in_all == 700 * 9);
}

TEST_CASE_METHOD(exact_fixture, "a distribution list is busy when one of its members is", "[unit][exactness]")
{
    random_source random(Catch::rngSeed());
    for (int round = 0; round < 60; ++round) {
        const auto from = new_year + pick(random, 0, 600) * day, to = from + 20 * day;
        std::vector<random_calendar> calendars;
        const auto name = [&](int i) {
            return "l" + std::to_string(round) + "-" + std::to_string(i) + "@corp.example";
        };
        for (int i = 0; i < 4; ++i) {
            calendars.push_back(make_calendar(random, from, to, 4));
            sim.mailbox(name(i));
            for (const auto& item : calendars.back().items)
                sim.put(name(i), item.as_object());
        }
        sim.mailbox(name(10)).members = {name(2), name(3), name(11)};
        sim.mailbox(name(11)).members = {name(0), name(1), name(10)}; // lists in lists, in a circle
        const auto start = pick(random, from, to - 10), end = pick(random, start + 1, to - 5);
        const auto result = call("availability.get", question({name(11)}, start, end));
        check(entry_of(result, 0),
              merged_minutes({&calendars[0], &calendars[1], &calendars[2], &calendars[3]}, start, end, slot),
              start, end);
    }
    // Of a member that does not exist nothing is known.
    sim.mailbox("ghosts@corp.example").members = {"nobody@corp.example"};
    const auto ghosts = call("availability.get", question({"ghosts@corp.example"}, new_year, new_year + 60));
    CHECK(json::serialize(entry_of(ghosts, 0).at("busy")) ==
          R"([{"start":"2026-01-01T00:00:00Z","end":"2026-01-01T01:00:00Z","status":"no_data"}])");
    auto& crowd = sim.mailbox("crowd@corp.example");
    for (int i = 0; i < 100; ++i)
        crowd.members.push_back("member" + std::to_string(i) + "@corp.example");
    CHECK(
        error_of(entry_of(call("availability.get", question({"crowd@corp.example"}, new_year, new_year + 60)),
                          0)) == "ErrorFreeBusyDLLimitReached");
}

TEST_CASE_METHOD(exact_fixture, "more entries than Exchange lists at once are asked for in smaller windows",
                 "[unit][exactness]")
{
    random_source random(Catch::rngSeed());
    random_calendar full;
    for (int i = 0; i < 5000; ++i) {
        const auto start = new_year + i * 12, end = start + pick(random, 1, 30);
        full.items.push_back(json::object{
            {"subject", "x"}, {"start", rfc3339(start)}, {"end", rfc3339(end)}, {"busy", "Busy"}});
        full.taken.push_back({start, end, kind_of_time::busy});
    }
    for (const auto& item : full.items)
        sim.put("full@corp.example", item.as_object());
    const auto sparse = make_calendar(random, new_year, new_year + 100 * day, 10);
    sim.mailbox("sparse@corp.example");
    for (const auto& item : sparse.items)
        sim.put("sparse@corp.example", item.as_object());
    const auto from = new_year + 7, to = new_year + 90 * day + 3;
    const auto result =
        call("availability.get", question({"sparse@corp.example", "full@corp.example"}, from, to));
    check(entry_of(result, 0), minutes_of(sparse.taken, from, to), from, to);
    check(entry_of(result, 1), minutes_of(full.taken, from, to), from, to);
    CHECK(sim.requests["GetUserAvailability"] > 5);
    CHECK(sim.requests["GetUserAvailability"] < 40);
}

TEST_CASE_METHOD(exact_fixture,
                 "where even the smallest window has too many entries, that mailbox fails alone",
                 "[unit][exactness]")
{
    for (int i = 0; i < 1001; ++i)
        sim.put("full@corp.example", {{"subject", "x"},
                                      {"start", rfc3339(new_year)},
                                      {"end", rfc3339(new_year + 60)},
                                      {"busy", "Busy"}});
    sim.put(
        "fine@corp.example",
        {{"subject", "x"}, {"start", rfc3339(new_year)}, {"end", rfc3339(new_year + 60)}, {"busy", "Busy"}});
    const auto result = call("availability.get",
                             question({"full@corp.example", "fine@corp.example"}, new_year, new_year + day));
    CHECK(error_of(entry_of(result, 0)) == "ErrorResultSetTooBig");
    CHECK(error_of(entry_of(result, 1)) == "ok");
    CHECK(sim.requests["GetUserAvailability"] < 60);
}

TEST_CASE_METHOD(exact_fixture, "a server with narrower limits of its own is asked for less at once",
                 "[unit][exactness]")
{
    json::array addresses;
    std::vector<random_calendar> calendars;
    random_source random(Catch::rngSeed());
    const auto from = new_year, to = new_year + 30 * day;
    for (int i = 0; i < 5; ++i) {
        const auto email = "n" + std::to_string(i) + "@corp.example";
        calendars.push_back(make_calendar(random, from, to + day, 5));
        sim.mailbox(email);
        for (const auto& item : calendars.back().items)
            sim.put(email, item.as_object());
        addresses.emplace_back(email);
    }
    for (const auto* code : {"ErrorTimeIntervalTooBig", "ErrorMailboxDataArrayTooBig"}) {
        sim.before = [code, left = 2](const std::string&) mutable {
            return std::string(left-- > 0 ? code : "");
        };
        const auto result = call("availability.get", question(addresses, from, to));
        REQUIRE(result.at("ok").as_bool());
        for (std::size_t i = 0; i < calendars.size(); ++i)
            check(entry_of(result, i), minutes_of(calendars[i].taken, from, to), from, to);
    }
}

TEST_CASE_METHOD(exact_fixture, "one broken mailbox among many fails alone, whatever is wrong with it",
                 "[unit][exactness]")
{
    json::array addresses;
    for (int i = 0; i < 130; ++i) {
        const auto email = "many" + std::to_string(i) + "@corp.example";
        sim.put(email, {{"subject", "x"},
                        {"start", rfc3339(new_year + i)},
                        {"end", rfc3339(new_year + i + 60)},
                        {"busy", "OOF"}});
        addresses.emplace_back(email);
    }
    for (const auto* code :
         {"ErrorMailboxStoreUnavailable", "ErrorFreeBusyGenerationFailed", "ErrorInternalServerError",
          "ErrorMailboxMoveInProgress", "ErrorSomethingNew", "ErrorServerBusy"}) {
        sim.mailbox("many66@corp.example").free_busy_failure = code;
        const auto result = call("availability.get", question(addresses, new_year, new_year + day));
        INFO(code << json::serialize(result).substr(0, 500));
        REQUIRE(result.at("ok").as_bool());
        for (std::size_t i = 0; i < addresses.size(); ++i)
            if (i == 66)
                CHECK(error_of(entry_of(result, i)) == code);
            else
                CHECK(text_of_first_start(entry_of(result, i)) == rfc3339(new_year + static_cast<minute>(i)));
    }
}

TEST_CASE_METHOD(exact_fixture, "a window that begins and ends between two seconds is cut there",
                 "[unit][exactness]")
{
    sim.put("m@corp.example", {{"subject", "x"},
                               {"start", "2026-01-01T00:00:00Z"},
                               {"end", "2026-04-01T00:00:00Z"},
                               {"busy", "Busy"}});
    const auto result = call("availability.get", {{"mailboxes", json::array{"m@corp.example"}},
                                                  {"start", "2026-01-02T00:00:00.250Z"},
                                                  {"end", "2026-02-13T00:00:00.250Z"}});
    CHECK(json::serialize(entry_of(result, 0).at("busy")) ==
          R"([{"start":"2026-01-02T00:00:00.250Z","end":"2026-02-13T00:00:00.250Z","status":"busy"}])");
}
