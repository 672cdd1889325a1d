// Run by hand, in a release build: unit_ews "[.bench]"
#include "agent/ews/answers.hpp"
#include "tests/unit/ews/samples.hpp"

#include <catch2/catch.hpp>

#include <chrono>

using namespace relay;
using namespace relay::ews;

TEST_CASE("one mailbox's free/busy is asked and read in well under 30 microseconds", "[.bench][ews]")
{
    std::string list;
    for (int i = 0; i < 5; ++i)
        list += fmt::format(
            "<CalendarEvent><StartTime>2026-01-0{0}T09:00:00</StartTime><EndTime>2026-01-0{0}T10:00:00</"
            "EndTime><BusyType>Busy</BusyType></CalendarEvent>",
            5 + i);
    const auto answer = test::envelope(
        "<GetUserAvailabilityResponse "
        "xmlns='http://schemas.microsoft.com/exchange/services/2006/"
        "messages'><FreeBusyResponseArray><FreeBusyResponse>"
        "<ResponseMessage "
        "ResponseClass='Success'><ResponseCode>NoError</ResponseCode></ResponseMessage><FreeBusyView>"
        "<FreeBusyViewType "
        "xmlns='http://schemas.microsoft.com/exchange/services/2006/types'>FreeBusy</FreeBusyViewType>"
        "<CalendarEventArray xmlns='http://schemas.microsoft.com/exchange/services/2006/types'>" +
        list +
        "</CalendarEventArray>"
        "<WorkingHours "
        "xmlns='http://schemas.microsoft.com/exchange/services/2006/types'><TimeZone><Bias>0</"
        "Bias><StandardTime><Bias>0</Bias><Time>00:00:00</Time><DayOrder>1</DayOrder>"
        "<Month>10</Month><DayOfWeek>Sunday</DayOfWeek></StandardTime><DaylightTime><Bias>0</"
        "Bias><Time>00:00:00</Time><DayOrder>1</DayOrder><Month>3</Month><DayOfWeek>Sunday</DayOfWeek></"
        "DaylightTime></TimeZone>"
        "<WorkingPeriodArray><WorkingPeriod><DayOfWeek>Monday</DayOfWeek><StartTimeInMinutes>480</"
        "StartTimeInMinutes><EndTimeInMinutes>1020</EndTimeInMinutes></WorkingPeriod></WorkingPeriodArray></"
        "WorkingHours>"
        "</FreeBusyView></FreeBusyResponse></FreeBusyResponseArray></GetUserAvailabilityResponse>");
    const auto host = test::mailbox("organizer@corp.example");
    const auto window = window_for(test::at("2026-01-05T00:00:00Z"), test::at("2026-01-12T00:00:00Z"));
    const call c{operation::get_user_availability, false, true};
    using clock = std::chrono::steady_clock;
    constexpr int rounds = 20'000;
    clock::duration writing{0}, reading{0};
    std::size_t periods = 0, bytes = 0;
    for (int i = 0; i < rounds; ++i) {
        auto copy = answer;
        const auto begin = clock::now();
        bytes += write_availability({&host, 1}, window).size();
        const auto written = clock::now();
        auto opened = open_answer(test::http_answer(200, std::move(copy)), c);
        periods += read_availability(**opened.answer, 1, window, c)->at(0)->size();
        opened.answer = error{};
        reading += clock::now() - written;
        writing += written - begin;
    }
    CHECK(periods == 5 * rounds);
    const auto each = [](clock::duration d) {
        return std::chrono::duration<double, std::micro>(d).count() / rounds;
    };
    WARN(fmt::format("write {:.2f} us ({} bytes), read {:.2f} us ({} bytes)", each(writing), bytes / rounds,
                     each(reading), answer.size()));
    CHECK(each(writing + reading) < 30);
}
