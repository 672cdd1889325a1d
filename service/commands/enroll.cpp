#include "agent/enrolment/enroll.hpp"
#include "agent/app/cloud_settings.hpp"
#include "agent/app/version.hpp"
#include "agent/enrolment/cloud_connection.hpp"
#include "common/async/run_alone.hpp"
#include "common/log/line_formatter.hpp"
#include "common/platform/hidden_input.hpp"
#include "common/platform/process.hpp"
#include "common/secret/flaw.hpp"
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "service/commands/commands.hpp"
#include "service/libraries.hpp"
#include "service/load_or_tell.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <optional>

namespace relay::service {
namespace {

using enrolment::identity_files;

constexpr std::size_t longest_token = 4096;
// Not WORKESTRA_RELAY_…: such a variable is a key of the configuration.
constexpr std::string_view token_variable = "WORKESTRA_ENROLL_TOKEN";

struct request {
    std::filesystem::path config;
    std::string url; // of the cloud, as given
    secret token;    // "-": from standard input; empty: from the environment
    bool force = false;
    bool json = false;
};

// Errors: secret_flaw, or why it cannot be read.
result<secret> find_token(const secret& given)
{
    auto found = result<secret>(given);
    if (given.reveal() == "-") {
        found = platform::input_is_terminal() ? platform::ask_hidden("Token: ", longest_token)
                                              : platform::read_input(longest_token);
    } else if (given.empty()) {
        const char* value = std::getenv(std::string(token_variable).c_str());
        found = secret(value ? value : "");
    }
    if (found.has_error())
        return found;
    std::string text(found->reveal());
    auto token = take_secret(text, longest_token);
    if (token.has_error())
        return token;
    const auto word = trim(token->reveal()); // blanks come along with a copied line
    return word.empty() ? result<secret>(secret_flaw::empty) : result<secret>(secret(word));
}

struct outcome {
    std::string agent_id;
    tls::certificate_facts facts;
    bool changed = false;
    std::string told_url; // by the cloud
};

// With the configuration as it is now: what enrolling told is in it.
int tell(const outcome& o, const request& asked, const config::settings& before)
{
    const auto now = load_or_tell(asked.config, config::purpose::enroll, config::file_check::none);
    const auto& cloud = now ? now->cloud : before.cloud;
    const auto until = format_rfc3339(o.facts.not_after);
    if (asked.json) {
        fmt::print("{}\n", boost::json::serialize(
                               boost::json::object{{"enrolled", o.changed},
                                                   {"agent_id", o.agent_id},
                                                   {"subject", o.facts.subject},
                                                   {"not_after", until},
                                                   {"certificate_file", cloud.certificate_file.string()},
                                                   {"private_key_file", cloud.private_key_file.string()},
                                                   {"ca_file", cloud.ca_file.string()},
                                                   {"cloud_url", cloud.url}}));
        return 0;
    }
    if (o.changed)
        fmt::print("enrolled as {}\n", printable(o.agent_id));
    else
        fmt::print("enrolled already as {}; nothing is changed (--force enrols again)\n",
                   printable(o.agent_id));
    fmt::print("  certificate  {}, valid until {}\n               {}\n  key          {}\n  trusts       {}\n"
               "  cloud        {}\n",
               o.facts.subject, until, cloud.certificate_file.string(), cloud.private_key_file.string(),
               cloud.ca_file.empty() ? "the system's trust store" : cloud.ca_file.string(),
               cloud.url.empty() ? "not told: set cloud.url" : cloud.url);
    if (!o.told_url.empty() && o.told_url != cloud.url)
        fmt::print("note: the cloud names {}, and cloud.url is set to {}\n", o.told_url, cloud.url);
    if (o.changed)
        fmt::print(
            "An agent that is running takes it into use at a reload (systemctl reload workestra-relay).\n");
    return 0;
}

enrolment::introduction introduction_of(const config::settings& s)
{
    const auto host = platform::host_name();
    return {s.agent.name.empty() ? host : s.agent.name, std::string(app::version()),
            std::string(platform::os_name()), host};
}

// Exit code where the command ends here: enrolled already, or something in the way of enrolling.
std::optional<int> told_present(const identity_files& files, const request& asked, const config::settings& s)
{
    const auto present = enrolment::present_identity(files.where(), real_time().utc_now());
    if (!present)
        return std::nullopt;
    if (present->has_error())
        return refuse(present->error().message + "; --force enrols again and replaces both");
    return tell({enrolment::agent_id_of(files.where().certificate, **present), **present, false, {}}, asked,
                s);
}

int enroll(const request& asked)
{
    const libraries initialised;
    const auto url = enrolment::enrolment_url(asked.url);
    if (url.has_error())
        return refuse("--url cannot be used: " + url.error().message + "; see enroll --help", exit_usage);
    // Who may read the secrets is asked when the agent runs; here it would be in the way of mending it.
    const auto settings = load_or_tell(asked.config, config::purpose::enroll, config::file_check::none);
    if (!settings)
        return exit_failure;
    const auto& cloud = settings->cloud;
    const identity_files files(app::enrolment_places(cloud));
    if (const auto well = files.settle(); well.has_error())
        return refuse(well.error().message);
    if (!asked.force)
        if (const auto code = told_present(files, asked, *settings))
            return *code;

    auto token = find_token(asked.token);
    if (token.has_error())
        return refuse(
            fmt::format("no usable token: {}; give --token, --token - and a line on standard input, "
                        "or {}; see enroll --help",
                        trouble_with("the token", token.error()), token_variable),
            exit_usage);
    if (const auto ready = files.prepare(); ready.has_error()) // before the token is used up
        return refuse(ready.error().message);
    auto dial = app::dial_settings(cloud);
    std::error_code ec;
    const bool own_ca = !cloud.ca_file.empty() && std::filesystem::exists(cloud.ca_file, ec);
    dial.url = *url;
    dial.files = {{}, {}, own_ca ? cloud.ca_file : std::filesystem::path()};
    real_time time;
    const auto done = run_alone(
        enrolment::enroll(time, std::move(dial), std::move(*token), introduction_of(*settings), files));
    if (done.has_error())
        return refuse(done.error().message);
    return tell({done->agent_id, done->facts, true, done->relay_url}, asked, *settings);
}

} // namespace

void add_enroll(command_line& line)
{
    struct options {
        request asked;
        std::string token;
    };
    const auto given = std::make_shared<options>();
    auto* command =
        line.add("enroll", "Enrol this machine with the cloud: a key is made here, the cloud signs its "
                           "certificate, and both are written where the configuration says");
    command->add_option("--url", given->asked.url, "Where the cloud enrols agents, https://…")
        ->type_name("URL")
        ->required();
    command
        ->add_option("--token", given->token,
                     "The one-time token; - asks for it, or reads it from standard input, and without this "
                     "option it is taken "
                     "from the environment (" +
                         std::string(token_variable) +
                         "): other users of this machine can see a command line")
        ->type_name("TOKEN");
    command->add_flag("--force", given->asked.force,
                      "Enrol again where there is a certificate already, and replace it");
    command->add_flag("--json", given->asked.json, "Print the outcome as a JSON object");
    line.does(command, [given](const std::filesystem::path& config) {
        given->asked.config = config;
        given->asked.token = secret::take(given->token);
        return enroll(given->asked);
    });
}

void cover_token(int argc, char** argv)
{
    constexpr std::string_view option = "--token";
    const auto cover = [](char* text) {
        while (*text != '\0')
            *text++ = '*';
    };
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == option && i + 1 < argc && std::string_view(argv[i + 1]) != "-")
            cover(argv[++i]);
        else if (word.starts_with(option) && word.substr(option.size()).starts_with('='))
            cover(argv[i] + option.size() + 1);
    }
}

} // namespace relay::service
