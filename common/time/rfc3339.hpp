// Times as the protocol and the logs write them (RFC 3339), and as XML Schema does (dateTime).
#pragma once

#include "common/time/time_source.hpp"

#include <string>
#include <string_view>

namespace relay {

// Reads "2026-11-22T10:00:00Z", with an optional fraction (cut to milliseconds) and 'Z' or an offset.
// Errors: errc::bad_time (also a day that does not exist, and years outside 1601 to 9999).
result<utc_time> parse_rfc3339(std::string_view text);

// Reads an XML Schema dateTime; one without a zone is taken as UTC (what GetUserAvailability answers when asked in UTC).
result<utc_time> parse_xml_time(std::string_view text);

// "2026-11-22T10:00:00Z"; milliseconds only where they are not zero.
std::string format_rfc3339(utc_time time);

} // namespace relay
