#include "tests/stand_ins/exchange/times.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/exchange/refusal.hpp"

namespace relay::exchange_sim {

request_time read_time(std::string_view text)
{
    text = trim(text);
    const auto value = parse_xml_time(text);
    if (!value)
        refuse_schema("'" + std::string(text) + "' is not a valid dateTime.");
    const auto t = text.find('T');
    return {*value, text.find_first_of("Zz+-", t == text.npos ? text.size() : t) == text.npos};
}

std::optional<std::chrono::seconds> parse_time_of_day(std::string_view text)
{
    const auto moment = parse_xml_time("2000-01-01T" + std::string(text) + "Z");
    if (!moment)
        return std::nullopt;
    return std::chrono::floor<std::chrono::seconds>(*moment - std::chrono::floor<std::chrono::days>(*moment));
}

std::string format_naive(local_time t)
{
    auto text = format_rfc3339(utc_time(std::chrono::floor<std::chrono::seconds>(t).time_since_epoch()));
    text.pop_back();
    return text;
}

} // namespace relay::exchange_sim
