#include "common/log/line_formatter.hpp"

#include "common/log/logger.hpp"
#include "common/log_event/log_event.hpp"
#include "common/text/text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace relay {
namespace {

// The first code point of `text`, or one byte of it where that is ill-formed.
std::string_view first_character(std::string_view text)
{
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    const auto candidate = text.substr(0, length);
    return is_utf8(candidate) ? candidate : text.substr(0, 1);
}

// True where a terminal or a reader of lines would take it for more than a character.
bool is_control(std::string_view character)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
    if (character.size() == 1)
        return byte(0) < 0x20 || byte(0) == 0x7f;
    return (character.size() == 2 && byte(0) == 0xc2 && byte(1) < 0xa0) ||
           (character.size() == 3 && byte(0) == 0xe2 && byte(1) == 0x80 &&
            (byte(2) == 0xa8 || byte(2) == 0xa9));
}

unsigned code_point(std::string_view character)
{
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned>(static_cast<unsigned char>(character[i]));
    };
    if (character.size() == 1)
        return byte(0);
    if (character.size() == 2)
        return (byte(0) & 0x1fu) << 6 | (byte(1) & 0x3fu);
    return (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
}

// What no format escapes: most of what is ever logged.
bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

template <class Escape>
std::string escaped(std::string_view text, Escape escape)
{
    const auto kept = utf8_prefix(text, max_log_message_bytes);
    std::string out;
    out.reserve(kept.size() + 16);
    for (auto rest = kept; !rest.empty();) {
        const auto plain = std::find_if_not(rest.begin(), rest.end(), is_plain);
        out.append(rest.begin(), plain);
        rest.remove_prefix(static_cast<std::size_t>(plain - rest.begin()));
        if (rest.empty())
            break;
        const auto character = first_character(rest);
        rest.remove_prefix(character.size());
        escape(out, character);
    }
    if (kept.size() < text.size())
        fmt::format_to(std::back_inserter(out), "... ({} bytes cut)", text.size() - kept.size());
    return out;
}

bool ill_formed(std::string_view character)
{
    return character.size() == 1 && static_cast<unsigned char>(character[0]) >= 0x80;
}

std::string_view level_name(spdlog::level::level_enum level)
{
    switch (level) {
    case spdlog::level::trace:
        return "trace";
    case spdlog::level::debug:
        return "debug";
    case spdlog::level::info:
        return "info";
    case spdlog::level::warn:
        return "warn";
    default:
        return "error";
    }
}

std::string utc_stamp(spdlog::log_clock::time_point time)
{
    const auto since = time.time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000;
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(spdlog::log_clock::to_time_t(time)), ms);
}

} // namespace

int priority_of(spdlog::level::level_enum level)
{
    switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
        return 7;
    case spdlog::level::info:
        return 6;
    case spdlog::level::warn:
        return 4;
    case spdlog::level::err:
        return 3;
    default:
        return 2;
    }
}

std::string printable(std::string_view text)
{
    return escaped(text, [](std::string& out, std::string_view c) {
        if (c == "\n")
            out += "\\n";
        else if (c == "\r")
            out += "\\r";
        else if (c == "\t")
            out += "\\t";
        else if (ill_formed(c) || (is_control(c) && c.size() == 1))
            fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c[0]));
        else if (is_control(c))
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", code_point(c));
        else
            out += c;
    });
}

std::string json_escaped(std::string_view text)
{
    return escaped(text, [](std::string& out, std::string_view c) {
        if (ill_formed(c))
            out += "\xef\xbf\xbd";
        else if (c == "\"" || c == "\\")
            (out += '\\') += c;
        else if (c == "\n")
            out += "\\n";
        else if (is_control(c))
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", code_point(c));
        else
            out += c;
    });
}

void line_formatter::format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line)
{
    const auto out = std::back_inserter(line);
    const std::string_view name(message.logger_name.data(), message.logger_name.size());
    const std::string_view text(message.payload.data(), message.payload.size());
    if (priority_ == line_priority::journal)
        fmt::format_to(out, "<{}>", priority_of(message.level));
    if (format_ == line_format::json) {
        fmt::format_to(out, R"({{"time":"{}","level":"{}","component":"{}",)", utc_stamp(message.time),
                       level_name(message.level), json_escaped(name));
        if (message.source.funcname) // log_event.hpp
            fmt::format_to(out, R"("event":"{}",)", json_escaped(message.source.funcname));
        if (const auto* about = subject_of(message.source))
            fmt::format_to(out, R"("command_id":"{}","operation":"{}",)", json_escaped(about->command_id),
                           json_escaped(about->operation));
        fmt::format_to(out, R"("message":"{}"}})", json_escaped(text));
    } else if (priority_ != line_priority::none) // the journal keeps time and level itself
        fmt::format_to(out, "{}: {}", printable(name), printable(text));
    else
        fmt::format_to(out, "{} {:5} {}: {}", utc_stamp(message.time), level_name(message.level),
                       printable(name), printable(text));
    line.push_back('\n');
}

std::unique_ptr<spdlog::formatter> line_formatter::clone() const
{
    return std::make_unique<line_formatter>(*this);
}

} // namespace relay
