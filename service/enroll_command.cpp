#include "service/enroll_command.hpp"

#include "agent/app/cloud_side.hpp"
#include "agent/app/version.hpp"
#include "agent/enrolment/cloud_road.hpp"
#include "agent/enrolment/enroll.hpp"
#include "common/async/run_alone.hpp"
#include "common/log/line_formatter.hpp"
#include "common/platform/process.hpp"
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "service/config_check.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <iostream>
#include <optional>

namespace relay::service {
namespace {

using enrolment::identity_files;

constexpr std::size_t longest_token = 4096;

int fail(const std::string& message, int code = exit_failure)
{
    fmt::print(stderr, "workestra-relay: {}\n", printable(message));
    return code;
}

// One line of standard input; empty where there is none.
std::string token_from_input()
{
    std::string line;
    for (char c = 0; line.size() <= longest_token && std::cin.get(c) && c != '\n';)
        line += c;
    return line;
}

// Empty where it is nowhere to be had, or is nothing that a token can be.
secret find_token(const secret& given)
{
    std::string text = given.reveal();
    if (text == "-") {
        text = token_from_input();
    } else if (text.empty()) {
        const char* value = std::getenv(std::string(token_variable).c_str());
        text = value ? value : "";
    }
    const auto token = trim(text);
    return token.size() <= longest_token && is_utf8(token) ? secret(std::string(token)) : secret();
}

struct outcome {
    std::string agent_id;
    tls::certificate_facts facts;
    bool changed = false;
    std::string told_url; // by the cloud
};

// With the configuration as it is now: what enrolling told is in it.
int tell(const outcome& o, const enroll_agent& asked, const config::settings& before)
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
std::optional<int> told_present(const identity_files& files, const enroll_agent& asked,
                                const config::settings& s)
{
    const auto present = enrolment::present_identity(files.where(), real_time().utc_now());
    if (!present)
        return std::nullopt;
    if (present->has_error())
        return fail(present->error().message + "; --force enrols again and replaces both");
    return tell({enrolment::agent_id_of(files.where().certificate, **present), **present, false, {}}, asked,
                s);
}

} // namespace

int enroll(const enroll_agent& asked)
{
    const auto url = enrolment::enrolment_url(asked.url);
    if (url.has_error())
        return fail("--url cannot be used: " + url.error().message + "; see enroll --help", exit_usage);
    // Who may read the secrets is asked when the agent runs; here it would be in the way of mending it.
    const auto settings = load_or_tell(asked.config, config::purpose::enroll, config::file_check::none);
    if (!settings)
        return exit_failure;
    const auto& cloud = settings->cloud;
    const identity_files files(
        enrolment::places_of(cloud.certificate_file, cloud.private_key_file, cloud.ca_file));
    if (const auto well = files.settle(); well.has_error())
        return fail(well.error().message);
    if (!asked.force)
        if (const auto code = told_present(files, asked, *settings))
            return *code;

    auto token = find_token(asked.token);
    if (token.empty())
        return fail(
            fmt::format("no usable token: give --token, --token - and a line on standard input, or {}; see "
                        "enroll --help",
                        token_variable),
            exit_usage);
    if (const auto ready = files.prepare(); ready.has_error()) // before the token is used up
        return fail(ready.error().message);
    auto dial = app::dial_settings(cloud);
    std::error_code ec;
    const bool own_ca = !cloud.ca_file.empty() && std::filesystem::exists(cloud.ca_file, ec);
    dial.url = *url;
    dial.files = {{}, {}, own_ca ? cloud.ca_file : std::filesystem::path()};
    real_time time;
    const auto done = run_alone(
        enrolment::enroll(time, std::move(dial), std::move(token), introduction_of(*settings), files));
    if (done.has_error())
        return fail(done.error().message);
    return tell({done->agent_id, done->facts, true, done->relay_url}, asked, *settings);
}

} // namespace relay::service
