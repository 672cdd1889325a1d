// What the fuzzers of SOAP answers share. An input is one character that picks the HTTP status ('0': 200, '1': 500, …)
// and then the body as it came.
#pragma once

#include "agent/ews/answers.hpp"
#include "common/text/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

namespace relay::fuzz {

// Not assert: what it says must hold in every build.
inline void require(bool holds)
{
    if (!holds)
        std::abort();
}

inline std::string_view text_of_input(const std::uint8_t* data, std::size_t size)
{
    return {reinterpret_cast<const char*>(data), size};
}

// What holds for every error, whatever came back.
inline void check(const ews::error& e, const ews::call& c)
{
    const auto is_digit = [](char x) { return x >= '0' && x <= '9'; };
    const auto is_word = [&](char x) {
        return (x >= 'A' && x <= 'Z') || (x >= 'a' && x <= 'z') || is_digit(x);
    };
    // A ResponseCode, or the status of an answer that has none: "HTTP 403".
    const auto is_code = [&](std::string_view code) {
        constexpr std::string_view http = "HTTP ";
        return code.starts_with(http)
                   ? code.size() == http.size() + 3 && std::ranges::all_of(code.substr(http.size()), is_digit)
                   : std::ranges::all_of(code, is_word);
    };
    require(!e.fault.message.empty() && is_utf8(e.fault.message) && e.fault.message.size() < 1000);
    require(e.fault.exchange.size() <= 100 && is_code(e.fault.exchange));
    require(ews::is_write(c.operation) || e.effect == ews::effect::none);
    require((e.retry_action == ews::retry_action::back_off) == (e.back_off > milliseconds{0}));
    require(e.back_off <= ews::longest_back_off);
}

inline http::response response_of(std::string_view input)
{
    constexpr std::array statuses{200, 500, 503, 401, 404, 302, 429, 413};
    http::response r;
    r.content_type = "text/xml; charset=utf-8";
    if (input.empty())
        return r;
    r.status = statuses[static_cast<unsigned char>(input[0]) % statuses.size()];
    r.body = input.substr(1);
    return r;
}

// Opens the answer and reads it with `read` where it can be opened.
template <class Read>
void read_answer(std::string_view input, const ews::call& c, Read read)
{
    const auto opened = ews::open_answer(response_of(input), c);
    if (opened.answer.has_error())
        return check(opened.answer.error(), c);
    read(**opened.answer);
}

} // namespace relay::fuzz
