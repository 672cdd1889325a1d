// How a raw value of the configuration becomes each type that settings are made of, and back.
#pragma once

#include "common/config/keys.hpp"
#include "common/config/loopback_endpoint.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <utility>

namespace relay::config {

// converter<T>: `kind` that T is written as, assign() (returns what is wrong, empty where nothing is) and
// read().
template <class T>
struct converter;

template <>
struct converter<std::string> {
    static constexpr auto kind = value_kind::text;
    static std::string assign(std::string& to, const raw_value& v)
    {
        to = std::get<std::string>(v);
        return {};
    }
    static raw_value read(const std::string& from) { return from; }
};

template <>
struct converter<std::filesystem::path> {
    static constexpr auto kind = value_kind::text;
    static std::string assign(std::filesystem::path& to, const raw_value& v)
    {
        // Through u8string: a narrow path on Windows would be read in the machine's code page.
        const auto& text = std::get<std::string>(v);
        to = std::filesystem::path(std::u8string(text.begin(), text.end()));
        return {};
    }
    static raw_value read(const std::filesystem::path& from)
    {
        const auto text = from.u8string();
        return std::string(text.begin(), text.end());
    }
};

template <>
struct converter<bool> {
    static constexpr auto kind = value_kind::flag;
    static std::string assign(bool& to, const raw_value& v)
    {
        to = std::get<bool>(v);
        return {};
    }
    static raw_value read(bool from) { return from; }
};

template <std::integral Int>
requires(!std::same_as<Int, bool>) struct converter<Int> {
    static constexpr auto kind = value_kind::number;
    static std::string assign(Int& to, const raw_value& v)
    {
        to = static_cast<Int>(std::get<std::int64_t>(v)); // the rule's range fits
        return {};
    }
    static raw_value read(Int from) { return std::int64_t{from}; }
};

template <class Rep, class Period>
struct converter<std::chrono::duration<Rep, Period>> {
    static constexpr auto kind = value_kind::number;
    static std::string assign(std::chrono::duration<Rep, Period>& to, const raw_value& v)
    {
        to = std::chrono::duration<Rep, Period>{static_cast<Rep>(std::get<std::int64_t>(v))};
        return {};
    }
    static raw_value read(std::chrono::duration<Rep, Period> from) { return std::int64_t{from.count()}; }
};

template <>
struct converter<std::vector<std::string>> {
    static constexpr auto kind = value_kind::list;
    static std::string assign(std::vector<std::string>& to, const raw_value& v)
    {
        to = std::get<std::vector<std::string>>(v);
        return {};
    }
    static raw_value read(const std::vector<std::string>& from) { return from; }
};

template <class Enum>
struct words;
template <>
struct words<auth_scheme> {
    static constexpr std::array<std::string_view, 3> list{"basic", "ntlm", "negotiate"};
};
template <>
struct words<channel_binding> {
    static constexpr std::array<std::string_view, 3> list{"auto", "always", "never"};
};
template <>
struct words<log_level> {
    static constexpr std::array<std::string_view, 5> list{"error", "warn", "info", "debug", "trace"};
};
template <>
struct words<log_format> {
    static constexpr std::array<std::string_view, 2> list{"text", "json"};
};

template <>
struct words<distribution_lists> {
    static constexpr std::array<std::string_view, 2> list{"refuse", "allow"};
};

template <class Enum>
requires std::is_enum_v<Enum>
struct converter<Enum> {
    static constexpr auto kind = value_kind::text;
    static std::string assign(Enum& to, const raw_value& v)
    {
        const auto& list = words<Enum>::list;
        const auto found = std::find(list.begin(), list.end(), std::get<std::string>(v));
        if (found == list.end())
            return fmt::format("must be one of {}", fmt::join(list, ", "));
        to = static_cast<Enum>(found - list.begin());
        return {};
    }
    static raw_value read(Enum from)
    {
        return std::string(words<Enum>::list[static_cast<std::size_t>(from)]);
    }
};

template <>
struct converter<std::optional<loopback_endpoint>> {
    static constexpr auto kind = value_kind::text;
    static std::string assign(std::optional<loopback_endpoint>& to, const raw_value& v)
    {
        const auto& text = std::get<std::string>(v);
        to = parse_loopback_endpoint(text);
        if (!to && !text.empty())
            return "must be a loopback address and a port, such as 127.0.0.1:9480, or \"\" to turn it off";
        return {};
    }
    static raw_value read(const std::optional<loopback_endpoint>& from)
    {
        if (!from)
            return std::string();
        return from->address.find(':') == std::string::npos
                   ? fmt::format("{}:{}", from->address, from->port)
                   : fmt::format("[{}]:{}", from->address, from->port);
    }
};

template <>
struct converter<proxy_settings> {
    static constexpr auto kind = value_kind::text;
    static std::string assign(proxy_settings& to, const raw_value& v)
    {
        const auto& text = std::get<std::string>(v);
        to = {};
        if (text.empty())
            return {};
        if (text == "env") {
            to.mode = proxy_mode::environment;
            return {};
        }
        auto proxy = parse_proxy_url(text);
        if (proxy.has_error() || text.find("://") == text.npos)
            return "must be http://host:port or https://host:port, with user:password@ before the host where "
                   "the proxy wants a "
                   "sign-in "
                   "(in them, percent-encode characters such as @ : / # %), or \"env\"";
        to = {proxy_mode::fixed, *std::move(proxy)};
        return {};
    }
    static raw_value read(const proxy_settings& from);
};

} // namespace relay::config
