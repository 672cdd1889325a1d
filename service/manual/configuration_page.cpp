// relay-configuration-page: prints docs/configuration.md, made from the table of keys. A tool of the build; it is not installed.
#include "common/config/keys.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

namespace {

using relay::config::key_rule;
using relay::config::value_kind;

constexpr std::string_view introduction =
    R"(<!-- Made from the table of keys (common/config/keys.cpp) by `ninja -C build/debug configuration-page`. Do not edit. -->
# Configuration

The agent reads `/etc/workestra-relay/agent.toml`, or the file that `--config` names. It is TOML. Only `exchange.url` and the account are always needed:
what enrolment was told counts for the cloud.

    workestra-relay config check          every mistake at once, with line and key
    systemctl reload workestra-relay      takes a change into use; if a new value is bad, the old one stays

- An unknown key is a mistake, and the nearest known name is told.
- Each key can come from the environment, too: `WORKESTRA_RELAY_EXCHANGE_URL` is `exchange.url`. A variable goes before the file. A list is written as in TOML, or as texts with
  commas between them. For a key that restricts (`policy.…`, `….ca_file`, `exchange.certificate_sha256`) an empty variable is a mistake: a template that was not filled in must not
  open what the file closes.
- Nothing turns the checks of certificates off.
- A change takes effect at a reload, unless its line says otherwise.

)";

std::string in_code(std::string_view text)
{
    return fmt::format("`{}`", text);
}

std::string grouped(std::int64_t number)
{
    auto digits = fmt::format("{}", number);
    for (auto at = digits.size(); at > 3; at -= 3)
        digits.insert(at - 3, ",");
    return digits;
}

std::string allowed(const key_rule& rule)
{
    if (!rule.words.empty()) {
        std::string all;
        for (const auto word : rule.words)
            all += (all.empty() ? "" : ", ") + in_code(fmt::format("\"{}\"", word));
        return all;
    }
    switch (rule.kind) {
    case value_kind::number:
        return fmt::format("{} to {}", grouped(rule.least), grouped(rule.most));
    case value_kind::flag:
        return "`true`, `false`";
    case value_kind::text:
        return fmt::format("text, {} characters at most", grouped(rule.most));
    case value_kind::list:
        return fmt::format("list of texts, {} at most", grouped(rule.most));
    }
    return {};
}

std::string usual(const key_rule& rule, const relay::config::settings& untouched)
{
    const auto value = relay::config::to_toml(rule.read(untouched));
    const bool none = rule.kind == value_kind::text && rule.least > 0 && value == "\"\"";
    return none ? "none" : in_code(value);
}

std::string page()
{
    const relay::config::settings untouched;
    std::string out(introduction);
    std::string_view section;
    for (const auto& rule : relay::config::key_rules()) {
        const auto dot = rule.name.find('.');
        if (const auto name = rule.name.substr(0, dot); name != section) {
            out += fmt::format(
                "{}## `[{}]`\n\n| key | default | allowed | meaning |\n| --- | --- | --- | --- |\n",
                section.empty() ? "" : "\n", name);
            section = name;
        }
        out += fmt::format("| {} | {} | {} | {} |\n", in_code(rule.name.substr(dot + 1)),
                           usual(rule, untouched), allowed(rule), rule.meaning);
    }
    return out;
}

} // namespace

int main()
{
    try {
        const auto text = page();
        return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
    } catch (const std::exception& e) {
        fmt::print(stderr, "relay-configuration-page: {}\n", e.what());
        return 1;
    }
}
