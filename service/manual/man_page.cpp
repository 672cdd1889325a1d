#include "common/text/text.hpp"
#include "service/manual/manual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace relay::service {
namespace {

// For roff: a backslash and a hyphen are commands or get another glyph, a dot or a quote that begins a line is a request.
std::string roff(std::string_view text)
{
    std::string out;
    bool line_begins = true;
    for (const char c : text) {
        if (line_begins && (c == '.' || c == '\''))
            out += "\\&";
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
        line_begins = c == '\n';
    }
    return out;
}

std::string dashed(std::string text)
{
    std::ranges::replace(text, ' ', '-');
    return text;
}

std::string header(const std::string& name, int section, const std::string& version)
{
    return fmt::format(".TH {} {} \"\" \"Workestra Relay {}\" \"Workestra Relay\"\n", ascii_upper(roff(name)),
                       section, version);
}

// "enroll: Enrol this machine" becomes the line that whatis and apropos read.
std::string first_sentence(std::string text)
{
    if (const auto end = text.find_first_of(":;."); end != text.npos)
        text.resize(end);
    return text;
}

std::string value_of(const CLI::Option& o)
{
    return !takes_value(o) ? std::string() : " \\fI" + roff(o.get_type_name()) + "\\fR";
}

std::string synopsis(const CLI::App& app)
{
    std::string text = ".B " + roff(full_name(app)) + "\n";
    if (!commands_of(app).empty())
        return text + ".I COMMAND\n[\\fIOPTION\\fR]…\n";
    for (const auto* o : options_of(app)) {
        const bool positional = o->get_positional();
        const auto named = positional ? "\\fI" + roff(o->get_name(true)) + "\\fR"
                                      : "\\fB" + roff(name_of(*o)) + "\\fR" + value_of(*o);
        text += o->get_required() ? named + "\n" : "[" + named + "]\n";
    }
    return text;
}

std::string option_list(const CLI::App& app)
{
    std::string text;
    for (const auto* o : options_of(app)) {
        std::string names;
        for (const auto& s : o->get_snames())
            names += (names.empty() ? "" : ", ") + ("\\fB\\-" + roff(s) + "\\fR");
        for (const auto& l : o->get_lnames())
            names += (names.empty() ? "" : ", ") + ("\\fB\\-\\-" + roff(l) + "\\fR");
        if (names.empty())
            names = "\\fI" + roff(o->get_name(true)) + "\\fR";
        else
            names += value_of(*o);
        text += ".TP\n" + names + "\n" + roff(o->get_description());
        if (const auto& standard = o->get_default_str(); !standard.empty())
            text += " (" + roff(standard) + " where it is not given)";
        text += "\n";
    }
    return text;
}

std::string description(const CLI::App& app)
{
    std::string text = roff(app.get_description()) + ".\n";
    if (!app.get_footer().empty())
        text += ".PP\n.nf\n" + roff(app.get_footer()) + "\n.fi\n";
    return text;
}

std::string command_page(const CLI::App& app, const std::string& version)
{
    const auto name = full_name(app);
    auto text = header(dashed(name), 1, version);
    text += ".SH NAME\n" + roff(dashed(name)) + " \\- " + roff(first_sentence(app.get_description())) + "\n";
    const auto inner = commands_of(app);
    if (inner.empty()) {
        text += ".SH SYNOPSIS\n" + synopsis(app) + ".SH DESCRIPTION\n" + description(app) + ".SH OPTIONS\n" +
                option_list(app);
    } else {
        text += ".SH SYNOPSIS\n";
        for (const auto* c : inner)
            text += (c == inner.front() ? "" : ".br\n") + synopsis(*c);
        text += ".SH DESCRIPTION\n" + description(app);
        for (const auto* c : inner)
            text += ".SS " + roff(c->get_name()) + "\n" + description(*c) + option_list(*c);
    }
    return text + ".SH SEE ALSO\n.BR workestra\\-relay (1),\n.BR workestra\\-relay.toml (5)\n";
}

std::string program_page(const CLI::App& app, const std::string& version)
{
    auto text = header(app.get_name(), 1, version);
    text += ".SH NAME\nworkestra\\-relay \\- agent between Workestra's cloud and Exchange servers of this "
            "network\n";
    text += ".SH SYNOPSIS\n" + synopsis(app) + ".SH DESCRIPTION\n" + roff(app.get_description()) +
            "\n.SH COMMANDS\n";
    std::string pages;
    for (const auto* c : commands_of(app)) {
        text += ".TP\n.BR " + roff(dashed(full_name(*c))) + " (1)\n" + roff(c->get_description()) + "\n";
        pages += ".BR " + roff(dashed(full_name(*c))) + " (1),\n";
    }
    text += ".SH OPTIONS\n" + option_list(app);
    text += ".SH EXIT STATUS\n0 where all went well, 1 where something failed (told in one line on standard "
            "error), 2 for "
            "a mistake in usage. What a command adds to these stands in its page.\n";
    text += ".SH ENVIRONMENT\nEach key of the configuration can be set by a variable: "
            "\\fBWORKESTRA_RELAY_EXCHANGE_URL\\fR for \\fBexchange.url\\fR.\n";
    text += ".SH FILES\n.TP\n.I /etc/workestra\\-relay/agent.toml\nThe configuration, see "
            "\\fBworkestra\\-relay.toml\\fR(5).\n.TP\n.I /var/lib/workestra\\-relay\nThe queue, the "
            "certificate and its key.\n";
    return text + ".SH SEE ALSO\n" + pages + ".BR workestra\\-relay.toml (5)\n";
}

std::string configuration_page(const std::string& version, const std::string& configuration)
{
    return header("workestra-relay.toml", 5, version) +
           ".SH NAME\nworkestra\\-relay.toml \\- configuration of the Workestra Relay agent\n"
           ".SH SYNOPSIS\n.I /etc/workestra\\-relay/agent.toml\n"
           ".SH DESCRIPTION\nTOML. An unknown key is a mistake; \\fBworkestra\\-relay config check\\fR tells "
           "every mistake at "
           "once, with its line. The keys, with what each does and what holds where it is "
           "absent:\n.PP\n.nf\n" +
           roff(configuration) +
           ".fi\n.SH SEE ALSO\n.BR workestra\\-relay (1),\n.BR workestra\\-relay\\-config (1)\n";
}

} // namespace

std::vector<const CLI::App*> commands_of(const CLI::App& app)
{
    return app.get_subcommands([](const CLI::App* a) { return !a->get_name().empty(); });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app)
{
    return app.get_options();
}

std::string name_of(const CLI::Option& option)
{
    if (!option.get_lnames().empty())
        return "--" + option.get_lnames().front();
    return option.get_snames().empty() ? std::string() : "-" + option.get_snames().front();
}

bool takes_value(const CLI::Option& option)
{
    return option.get_expected_max() != 0;
}

std::string full_name(const CLI::App& app)
{
    return app.get_parent() ? full_name(*app.get_parent()) + " " + app.get_name() : app.get_name();
}

std::vector<generated_file> man_pages(const CLI::App& app, const std::string& version,
                                      const std::string& configuration)
{
    std::vector<generated_file> all{{app.get_name() + ".1", program_page(app, version)},
                                    {app.get_name() + ".toml.5", configuration_page(version, configuration)}};
    for (const auto* c : commands_of(app))
        all.push_back({dashed(full_name(*c)) + ".1", command_page(*c, version)});
    return all;
}

} // namespace relay::service
