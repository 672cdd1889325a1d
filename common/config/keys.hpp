// The one table of what can be configured: each key with its type, its range, and where its value goes.
#pragma once

#include "common/config/settings.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace relay::config {

// A value as TOML or the environment gives it, before it becomes a typed setting.
using raw_value = std::variant<std::int64_t, bool, std::string, std::vector<std::string>>;
enum class value_kind { number, flag, text, list }; // in the order of raw_value's alternatives

struct key_rule {
    std::string_view name; // "exchange.url"
    value_kind kind;
    std::int64_t least, most; // of a number; characters of a text; entries of a list
    // Puts a value of `kind` and in range in its place; returns what is wrong with it, empty where nothing
    // is.
    std::string (*assign)(settings&, const raw_value&);
    // The value in its place; secrets are covered.
    raw_value (*read)(const settings&);
    std::string_view meaning;                // for docs/configuration.md: Markdown, a sentence or some
    std::span<const std::string_view> words; // the only values, of a text that is a choice
};

// Every key, section by section in the order of the documentation.
std::span<const key_rule> key_rules();

// Nothing where there is no such key.
const key_rule* find_key(std::string_view name);

// Checks kind and range of `value` and assigns it; what is wrong with it, empty where nothing is.
std::string apply(const key_rule& rule, settings& s, const raw_value& value);

// A value as it is written in TOML.
std::string to_toml(const raw_value& value);

// "WORKESTRA_RELAY_EXCHANGE_URL" for "exchange.url".
std::string variable_name(std::string_view key);

} // namespace relay::config
