#include "service/manual/manual.hpp"

#include <fmt/format.h>

#include <functional>
#include <string_view>

namespace relay::service {
namespace {

// "/queue/list" of "workestra-relay queue list": the way from the program to the command.
std::string way_to(const CLI::App& app)
{
    return app.get_parent() ? way_to(*app.get_parent()) + "/" + app.get_name() : std::string();
}

void each(const CLI::App& app, const std::function<void(const CLI::App&)>& visit)
{
    visit(app);
    for (const auto* c : commands_of(app))
        each(*c, visit);
}

bool takes_file(const CLI::Option& o)
{
    return o.get_type_name().starts_with("FILE");
}

std::string words_of(const CLI::App& app)
{
    std::string words;
    for (const auto* c : commands_of(app))
        words += c->get_name() + " ";
    for (const auto* o : options_of(app))
        if (const auto name = name_of(*o); !name.empty())
            words += name + " ";
    if (!words.empty())
        words.pop_back();
    return words;
}

// In single quotes of a shell, and of what _arguments and _describe take for their own.
std::string quoted(std::string_view text, std::string_view own)
{
    std::string out;
    for (const char c : text) {
        if (c == '\'')
            out += "'\\''";
        else if (own.find(c) != own.npos)
            out += std::string("\\") + c;
        else
            out += c;
    }
    return out;
}

std::string zsh_function(const CLI::App& app)
{
    std::string name = "_workestra-relay";
    for (const char c : way_to(app))
        name += c == '/' ? '_' : c;
    return name;
}

std::string zsh_options(const CLI::App& app)
{
    std::string lines;
    for (const auto* o : options_of(app)) {
        const auto option = name_of(*o);
        if (option.empty())
            continue;
        lines += fmt::format(" \\\n        '{}[{}]", option, quoted(o->get_description(), "[]:"));
        if (takes_value(*o))
            lines += fmt::format(":{}:{}", quoted(o->get_type_name(), ":"), takes_file(*o) ? "_files" : "");
        lines += "'";
    }
    return lines;
}

} // namespace

generated_file bash_completion(const CLI::App& app)
{
    std::string ways, words, files, values;
    each(app, [&](const CLI::App& a) {
        if (a.get_parent())
            ways += (ways.empty() ? "" : " | ") + way_to(a);
        words += fmt::format("    '{}') words='{}' ;;\n", way_to(a), words_of(a));
        for (const auto* o : options_of(a))
            if (takes_value(*o) && !name_of(*o).empty()) {
                auto& list = takes_file(*o) ? files : values;
                list += fmt::format("{}'{}'{}", list.empty() ? "" : " | ", way_to(a), name_of(*o));
            }
    });
    return {app.get_name(),
            fmt::format(R"(# bash completion for workestra-relay
_workestra_relay() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} way='' words='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$way/${{COMP_WORDS[i]}}" in
        {}) way+="/${{COMP_WORDS[i]}}" ;;
        esac
    done
    case "$way$previous" in
    {}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    {}) return ;;
    esac
    case $way in
{}    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o filenames -F _workestra_relay workestra-relay
)",
                        ways, files.empty() ? "''" : files, values.empty() ? "' '" : values, words)};
}

generated_file zsh_completion(const CLI::App& app)
{
    std::string text = "#compdef workestra-relay\n# zsh completion for workestra-relay\n";
    each(app, [&](const CLI::App& a) {
        const auto inner = commands_of(a);
        text += fmt::format("\n{}() {{\n", zsh_function(a));
        if (inner.empty()) {
            text += "    _arguments -s" + zsh_options(a) + "\n}\n";
            return;
        }
        std::string list, cases;
        for (const auto* c : inner) {
            list += fmt::format("            '{}:{}'\n", c->get_name(), quoted(c->get_description(), ":"));
            cases += fmt::format("        {}) {} ;;\n", c->get_name(), zsh_function(*c));
        }
        text += "    local curcontext=$curcontext state line\n    local -a commands\n    _arguments -C" +
                zsh_options(a) +
                " \\\n        '1: :->command' '*:: :->rest'\n    case $state in\n    command)\n        "
                "commands=(\n" +
                list +
                "        )\n        _describe command commands\n        ;;\n    rest)\n        case "
                "$words[1] in\n" +
                cases + "        esac\n        ;;\n    esac\n}\n";
    });
    text += "\n_workestra-relay \"$@\"\n";
    return {"_workestra-relay", text};
}

} // namespace relay::service
