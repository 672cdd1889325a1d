#include "common/config/keys.hpp"
#include "common/config/load.hpp"

#include <fmt/format.h>

namespace relay::config {
namespace {

std::string toml_text(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
        else
            out += c;
    }
    return out + '"';
}

struct toml_value {
    std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(const std::string& v) const { return toml_text(v); }
    std::string operator()(const std::vector<std::string>& v) const
    {
        std::string out = "[";
        for (std::size_t i = 0; i < v.size(); ++i)
            out += (i == 0 ? "" : ", ") + toml_text(v[i]);
        return out + ']';
    }
};

} // namespace

std::string format(const mistake& m, const std::filesystem::path& file)
{
    auto text = m.from == origin::environment ? std::string("environment") : file.string();
    if (m.line != 0)
        text += fmt::format(":{}", m.line);
    if (!m.key.empty())
        text += ": " + m.key;
    return text + ": " + m.message;
}

std::string to_toml(const raw_value& value)
{
    return std::visit(toml_value{}, value);
}

std::string to_toml(const settings& s)
{
    std::string out;
    std::string_view section;
    for (const auto& rule : key_rules()) {
        const auto dot = rule.name.find('.');
        if (const auto name = rule.name.substr(0, dot); name != section) {
            out += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", name);
            section = name;
        }
        const auto value = to_toml(rule.read(s));
        // A needed text that is not set would not be read back: it is left out, as an absent key is.
        if (rule.kind == value_kind::text && rule.least > 0 && value == "\"\"")
            continue;
        out += fmt::format("{} = {}\n", rule.name.substr(dot + 1), value);
    }
    return out;
}

} // namespace relay::config
