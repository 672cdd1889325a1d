#include "common/time/rfc3339.hpp"

#include <fmt/format.h>

#include <optional>

namespace relay {
namespace {

// Reads exactly `digits` decimal digits off the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits)
{
    if (text.size() < digits)
        return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9')
            return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return value;
}

bool take_char(std::string_view& text, char wanted)
{
    if (text.empty() || text.front() != wanted)
        return false;
    text.remove_prefix(1);
    return true;
}

// The fraction after the seconds, in milliseconds; further digits are dropped.
std::optional<int> take_fraction(std::string_view& text)
{
    if (!take_char(text, '.'))
        return 0;
    int value = 0, digits = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        if (digits < 3)
            value = value * 10 + (text.front() - '0');
        ++digits;
        text.remove_prefix(1);
    }
    if (digits == 0)
        return std::nullopt;
    for (; digits < 3; ++digits)
        value *= 10;
    return value;
}

// 'Z' or "+hh:mm" as what local time is ahead of UTC; nothing where there is neither.
std::optional<std::chrono::minutes> take_offset(std::string_view& text)
{
    using std::chrono::hours;
    using std::chrono::minutes;
    if (take_char(text, 'Z') || take_char(text, 'z'))
        return minutes{0};
    const bool east = take_char(text, '+');
    if (!east && !take_char(text, '-'))
        return std::nullopt;
    const auto hour = take_number(text, 2);
    if (!hour || *hour > 23 || !take_char(text, ':'))
        return std::nullopt;
    const auto minute = take_number(text, 2);
    if (!minute || *minute > 59)
        return std::nullopt;
    const minutes ahead = hours{*hour} + minutes{*minute};
    return east ? ahead : -ahead;
}

enum class zone { required, optional };

result<utc_time> parse(std::string_view text, zone rule)
{
    using namespace std::chrono;
    const auto y = take_number(text, 4);
    const bool dash1 = take_char(text, '-');
    const auto mo = take_number(text, 2);
    const bool dash2 = take_char(text, '-');
    const auto d = take_number(text, 2);
    if (!y || !mo || !d || !dash1 || !dash2 || !(take_char(text, 'T') || take_char(text, 't')))
        return errc::bad_time;
    const auto h = take_number(text, 2);
    const bool colon1 = take_char(text, ':');
    const auto mi = take_number(text, 2);
    const bool colon2 = take_char(text, ':');
    const auto s = take_number(text, 2);
    const auto fraction = take_fraction(text);
    if (!h || !mi || !s || !colon1 || !colon2 || !fraction || *h > 23 || *mi > 59 || *s > 60)
        return errc::bad_time;
    const year_month_day day{year{*y}, month{static_cast<unsigned>(*mo)},
                             std::chrono::day{static_cast<unsigned>(*d)}};
    if (!day.ok())
        return errc::bad_time;
    minutes ahead{0};
    if (!text.empty() || rule == zone::required) {
        const auto offset = take_offset(text);
        if (!offset || !text.empty())
            return errc::bad_time;
        ahead = *offset;
    }
    // A leap second (60) has no instant of its own in UTC milliseconds: it becomes the next second.
    const relay::utc_time time =
        sys_days{day} + hours{*h} + minutes{*mi} + seconds{*s} + std::chrono::milliseconds{*fraction} - ahead;
    // Judged in UTC, as the offset moves the ends of the range. 1601: the first year Exchange can store.
    if (time < sys_days{year{1601} / 1 / 1} || time >= sys_days{year{10000} / 1 / 1})
        return errc::bad_time;
    return time;
}

} // namespace

result<utc_time> parse_rfc3339(std::string_view text)
{
    return parse(text, zone::required);
}

result<utc_time> parse_xml_time(std::string_view text)
{
    return parse(text, zone::optional);
}

std::string format_rfc3339(utc_time time)
{
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{time - day};
    auto text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                            static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                            clock.hours().count(), clock.minutes().count(), clock.seconds().count());
    if (const auto fraction = clock.subseconds().count(); fraction != 0)
        text += fmt::format(".{:03}", fraction);
    text += 'Z';
    return text;
}

} // namespace relay
