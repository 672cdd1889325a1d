#include "common/config/reader.hpp"

#include "common/config/wording.hpp"
#include "common/text/text.hpp"

#include <charconv>

namespace relay::config {
namespace {

// A list from a variable: a TOML array, or texts with commas between them.
std::optional<raw_value> list_from(std::string_view text)
{
    text = trim(text);
    if (text.starts_with('[')) {
        // Read as the value of a key that takes any list; a line break would let it go on with keys of its
        // own.
        mistakes ignored;
        const auto found = text.find_first_of("\r\n") == text.npos
                               ? read_toml(fmt::format("policy.deny_mailboxes = {}", text), ignored)
                               : std::nullopt;
        if (!found || found->size() != 1 || !ignored.empty())
            return std::nullopt;
        return found->front().value;
    }
    std::vector<std::string> list;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        if (const auto entry = trim(text.substr(0, comma)); !entry.empty())
            list.emplace_back(entry);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return raw_value(std::move(list));
}

std::optional<raw_value> number_from(std::string_view text)
{
    text = trim(text);
    std::int64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return raw_value(value);
}

std::optional<raw_value> flag_from(std::string_view text)
{
    const auto word = ascii_lower(trim(text));
    if (word != "true" && word != "false")
        return std::nullopt;
    return raw_value(word == "true");
}

std::optional<raw_value> value_from(value_kind kind, const std::string& text)
{
    switch (kind) {
    case value_kind::number:
        return number_from(text);
    case value_kind::flag:
        return flag_from(text);
    case value_kind::list:
        return list_from(text);
    case value_kind::text:
        break;
    }
    return raw_value(text);
}

// Keys that narrow what the agent does or whom it believes. Of a template that was not filled in an empty variable is left,
// and as a value it would open what the file closes.
bool restricts(std::string_view key)
{
    return key.starts_with("policy.") || key.ends_with("ca_file") || key.ends_with("_sha256");
}

bool says_nothing(const raw_value& value)
{
    if (const auto* list = std::get_if<std::vector<std::string>>(&value))
        return list->empty();
    const auto* text = std::get_if<std::string>(&value);
    return text && trim(*text).empty();
}

} // namespace

std::vector<found_value> read_environment(const environment& variables, mistakes& wrong)
{
    std::map<std::string, const key_rule*> known;
    std::vector<std::string> names;
    for (const auto& rule : key_rules()) {
        known.emplace(variable_name(rule.name), &rule);
        names.push_back(variable_name(rule.name));
    }
    std::vector<found_value> found;
    for (const auto& [name, text] : variables) {
        if (!name.starts_with("WORKESTRA_RELAY_"))
            continue;
        const auto rule = known.find(name);
        if (rule == known.end()) {
            wrong.push_back({origin::environment, 0, shown(name), "unknown variable" + suggest(name, names)});
        } else {
            // What is not of the key's kind stays a text: apply() words what was wanted.
            auto value = value_from(rule->second->kind, text).value_or(raw_value(text));
            if (restricts(rule->second->name) && says_nothing(value)) {
                wrong.push_back(
                    {origin::environment, 0, name,
                     fmt::format("is empty, and would lift what {} restricts: give it a value, or "
                                 "leave the variable out",
                                 rule->second->name)});
                continue;
            }
            found.push_back({rule->second, std::move(value), {origin::environment, 0, name}});
        }
    }
    return found;
}

} // namespace relay::config
