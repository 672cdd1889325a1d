#include "agent/app/password.hpp"
#include "agent/app/version.hpp"
#include "agent/support/bundle.hpp"
#include "common/async/run_alone.hpp"
#include "common/log/line_formatter.hpp"
#include "common/platform/process.hpp"
#include "common/time/rfc3339.hpp"
#include "common/url/url.hpp"
#include "service/agents_eyes.hpp"
#include "service/commands/commands.hpp"
#include "service/doctor_input.hpp"
#include "service/libraries.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>

namespace relay::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_host = 40; // in the name of the archive

// Whatever the configuration leads to that must be in no text. Says what could not be looked for.
class known_secrets {
public:
    known_secrets(const config::settings& s, support::redaction& clean) : clean_(clean)
    {
        hide("the proxy's password", s.cloud.proxy.fixed.password.reveal());
        for (const char* name : {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"})
            if (const char* url = std::getenv(name))
                if (const auto proxy = parse_proxy_url(url); proxy.has_value())
                    hide(name, proxy->password.reveal());
        if (const char* token = std::getenv("WORKESTRA_ENROLL_TOKEN"))
            hide("WORKESTRA_ENROLL_TOKEN", token);
        hide_password(s.exchange);
    }

    std::vector<std::string> take_remarks() { return std::move(remarks_); }

private:
    void hide(std::string_view what, std::string_view text)
    {
        if (!text.empty() && !clean_.hide(text))
            remarks_.push_back(fmt::format(
                "Not looked for, because it is too short to tell it from any other text: {}.", what));
    }

    void hide_password(const config::exchange_settings& exchange)
    {
        // The command is not run for this: who knows what it does, and the agent never logs what it printed.
        for (std::size_t i = 1; i < exchange.password_command.size(); ++i)
            if (const auto& argument = exchange.password_command[i]; argument != exchange.username)
                (void)clean_.hide(argument); // "-s" is no secret
        if (!exchange.password_command.empty())
            remarks_.emplace_back(
                "Not looked for, because exchange.password_command is not run for this: the "
                "password that it prints.");
        auto from_file = exchange;
        from_file.password_command.clear();
        const auto read = app::make_password_source(from_file);
        if (!read)
            return;
        const auto password = read();
        if (password.has_value())
            hide("the password in exchange.password_file", password->reveal());
        else
            remarks_.emplace_back(
                "Not looked for, because exchange.password_file cannot be read: the password in it.");
    }

    support::redaction& clean_;
    std::vector<std::string> remarks_;
};

// "relay01" of "relay01.corp.example", and nothing that a file name cannot hold.
std::string short_host()
{
    std::string out;
    for (const char c : platform::host_name()) {
        const bool fine =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
        if (c == '.' || out.size() >= longest_host)
            break;
        out += fine ? c : '_';
    }
    return out.empty() ? "host" : out;
}

// 20261122T101500Z
std::string compact(utc_time t)
{
    auto text = format_rfc3339(std::chrono::floor<std::chrono::seconds>(t));
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

// Makes `file`, which must not be there, for the owner alone (the process's umask sees to that).
error_code write_new(const fs::path& file, std::string_view bytes)
{
    const auto failed = [] { return error_code(errno != 0 ? errno : EIO, boost::system::system_category()); };
    errno = 0;
    std::FILE* const out = std::fopen(file.string().c_str(), "wbx");
    if (!out)
        return failed();
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
    const auto ec = written ? error_code() : failed();
    const bool closed = std::fclose(out) == 0;
    if (written && closed)
        return {};
    const auto why = ec ? ec : failed();
    std::error_code ignored;
    fs::remove(file, ignored);
    return why;
}

struct request {
    std::string out;
    bool force = false;
};

std::string removed(const support::redaction::tally& t)
{
    if (t.secrets == 0 && t.addresses == 0)
        return {};
    return fmt::format("taken out: {} secrets, {} addresses", t.secrets, t.addresses);
}

void tell(const std::vector<support::member>& members, const std::vector<std::string>& remarks,
          const fs::path& file, std::size_t size)
{
    for (const auto& m : members) {
        fmt::print("  {:<22}{:>12}  {}\n", m.name, m.content.size(), removed(m.removed));
        if (!m.note.empty())
            fmt::print("  {:<22}{}\n", "", printable(m.note));
    }
    for (const auto& remark : remarks)
        fmt::print("  {}\n", remark);
    fmt::print("{} ({} bytes) holds these files; look into it before you send it: tar xzf {}\n",
               file.string(), size, file.string());
}

int make_bundle(const fs::path& config_file, const request& asked)
{
    const libraries initialised;
    const auto now = real_time().utc_now();
    const auto name = fmt::format("workestra-relay-support-{}-{}", short_host(), compact(now));
    const fs::path file = asked.out.empty() ? fs::path(name + ".tar.gz") : fs::path(asked.out);
    std::error_code ec;
    const bool there = fs::exists(fs::symlink_status(file, ec));
    if (there && fs::is_directory(file, ec))
        return refuse(fmt::format("{} is a folder: -o names the archive to be made", file.string()));
    if (there && !asked.force)
        return refuse(fmt::format("{} exists already: give another name with -o, or --force to replace it",
                                  file.string()));

    see_as_the_agent(config_file); // its proxy's password is to be hidden too
    support::sources from{config_file,
                          config::load_what_is_readable(config_file, config::process_environment()),
                          app::version(),
                          now,
                          {},
                          {}};
    support::redaction clean;
    from.remarks = known_secrets(from.configuration.known, clean).take_remarks();
    real_time time;
    from.doctor = [&] {
        auto who = doctor_input_of(config_file);
        return doctor::to_json(run_alone(doctor::examine(time, std::move(who), {})));
    };
    const auto members = collect(from, clean);
    const auto archive = pack(members, name, now);
    if (there)
        fs::remove(file, ec);
    if (const auto failed = write_new(file, archive))
        return refuse(fmt::format("{} cannot be written: {}; name another place with -o", file.string(),
                                  failed.message()));
    tell(members, from.remarks, file, archive.size());
    return 0;
}

} // namespace

void add_support_bundle(command_line& line)
{
    const auto asked = std::make_shared<request>();
    auto* command = line.add(
        "support-bundle", "One archive for support: configuration, status, checks, queue, log and versions, "
                          "without secrets and without what meetings are about");
    command
        ->add_option("-o,--output", asked->out,
                     "The archive to make (else one in this folder, named after host and time)")
        ->type_name("FILE");
    command->add_flag("--force", asked->force, "Replace the file where it exists");
    line.does(command, [asked](const auto& config) { return make_bundle(config, *asked); });
}

} // namespace relay::service
