#include "common/config/reader.hpp"

#include "common/config/wording.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>

// Its parser asserts what the text decides, and reports it as an error all the same: a mistake in a file is no reason to abort.
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

#include <algorithm>
#include <set>

namespace relay::config {
namespace {

// "exchange" of "exchange.url".
std::string_view section_of(std::string_view key)
{
    return key.substr(0, key.find('.'));
}

std::string unknown_key(std::string_view key)
{
    std::vector<std::string_view> names;
    for (const auto& rule : key_rules()) {
        names.push_back(rule.name);
        if (key.find('.') == key.npos && rule.name.substr(rule.name.find('.') + 1) == key)
            return fmt::format("unknown key; did you mean {}?", rule.name); // set outside of its section
    }
    return "unknown key" + suggest(key, names);
}

std::set<std::string_view> sections()
{
    std::set<std::string_view> all;
    for (const auto& rule : key_rules())
        all.insert(section_of(rule.name));
    return all;
}

class toml_reader {
public:
    explicit toml_reader(mistakes& wrong) : wrong_(wrong) {}

    std::vector<found_value> read(const toml::table& root)
    {
        const auto known = sections();
        for (const auto& [name, node] : root) {
            const auto* section = node.as_table();
            if (known.contains(name.str())) {
                if (section)
                    read_section(name.str(), *section);
                else
                    say(name, shown(name.str()), fmt::format("must be a section: [{}]", name.str()));
            } else if (section) {
                say(name, shown(name.str()), "unknown section" + suggest(name.str(), known));
            } else {
                say(name, shown(name.str()), unknown_key(name.str()));
            }
        }
        return std::move(found_);
    }

private:
    void read_section(std::string_view section, const toml::table& table)
    {
        for (const auto& [name, node] : table) {
            const auto full = fmt::format("{}.{}", section, name.str());
            const auto* rule = find_key(full);
            if (!rule) {
                say(name, shown(full), unknown_key(full));
            } else {
                found_.push_back(
                    {rule, raw(node).value_or(none_of(rule->kind)), {origin::file, line_of(name), {}}});
            }
        }
    }

    static std::optional<raw_value> raw(const toml::node& node)
    {
        if (const auto* text = node.as_string())
            return raw_value(text->get());
        if (const auto* number = node.as_integer())
            return raw_value(number->get());
        if (const auto* flag = node.as_boolean())
            return raw_value(flag->get());
        const auto* array = node.as_array();
        if (!array)
            return std::nullopt;
        std::vector<std::string> list;
        for (const auto& entry : *array) {
            if (!entry.is_string())
                return std::nullopt;
            list.push_back(entry.as_string()->get());
        }
        return raw_value(std::move(list));
    }

    // Stands for a type that no key has: apply() words what was wanted.
    static raw_value none_of(value_kind kind)
    {
        return kind == value_kind::flag ? raw_value(std::int64_t{0}) : raw_value(false);
    }

    static int line_of(const toml::key& name) { return static_cast<int>(name.source().begin.line); }

    void say(const toml::key& name, std::string key, std::string message)
    {
        wrong_.push_back({origin::file, line_of(name), std::move(key), std::move(message)});
    }

    mistakes& wrong_;
    std::vector<found_value> found_;
};

// The parser's own words may quote the line, and with it a password: what stands in quotes is dropped.
std::string without_quotations(std::string_view text)
{
    std::string out;
    bool inside = false;
    for (const char c : text) {
        if (c == '\'' || c == '"')
            inside = !inside;
        else if (!inside)
            out += c;
    }
    return out;
}

// Where a character of U+FB26 to U+FEFE stands. toml++ 3.3 takes it for impossible that one of these is looked at for a space
// (is_non_ascii_whitespace), and what then happens is undefined. They are presentation forms, which no setting needs.
std::optional<std::size_t> presentation_form(std::string_view utf8)
{
    constexpr std::string_view first = "\xEF\xAC\xA6", last = "\xEF\xBB\xBE";
    for (auto at = utf8.find(first.front()); at != utf8.npos; at = utf8.find(first.front(), at + 1))
        if (const auto form = utf8.substr(at, first.size()); form >= first && form <= last)
            return at;
    return std::nullopt;
}

std::optional<toml::table> parse_text(std::string_view text, mistakes& wrong)
{
    if (!is_utf8(text)) {
        wrong.push_back({origin::file, 0, {}, "is not UTF-8 text"});
        return std::nullopt;
    }
    if (const auto at = presentation_form(text)) {
        const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*at), '\n');
        wrong.push_back({origin::file,
                         static_cast<int>(line),
                         {},
                         "holds a character of U+FB26 to U+FEFE, which no setting needs"});
        return std::nullopt;
    }
    try {
        return toml::parse(text);
    } catch (const toml::parse_error& e) {
        wrong.push_back({origin::file,
                         static_cast<int>(e.source().begin.line),
                         {},
                         "is not TOML: " + without_quotations(e.description())});
        return std::nullopt;
    }
}

} // namespace

std::optional<std::vector<found_value>> read_toml(std::string_view text, mistakes& wrong)
{
    const auto table = parse_text(text, wrong);
    if (!table)
        return std::nullopt;
    return toml_reader(wrong).read(*table);
}

} // namespace relay::config
