// `secret set`: the service account's password, into the file that the configuration names or into an encrypted systemd
// credential.
#include "agent/app/password.hpp"
#include "common/config/credential.hpp"
#include "common/log/line_formatter.hpp"
#include "common/platform/hidden_input.hpp"
#include "common/platform/private_files.hpp"
#include "common/platform/run_command.hpp"
#include "common/platform/service_credential.hpp"
#include "common/secret/flaw.hpp"
#include "service/commands/commands.hpp"
#include "service/load_or_tell.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace relay::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_bytes = std::min(app::longest_password, platform::most_input_bytes);

struct typed {
    secret password;
    std::optional<int> refused; // the exit code, where it cannot be had or used: that has been told
};

std::string unusable(error_code why)
{
    if (why == boost::system::errc::message_size || why == secret_flaw::too_long)
        return fmt::format("the password is longer than {} bytes", most_bytes);
    return trouble_with("the password", why);
}

// What was typed or came in, as far as it can be a password.
result<secret> checked(result<secret> given)
{
    if (given.has_error())
        return given;
    std::string text(given->reveal());
    return take_secret(text, most_bytes);
}

typed read_password(const config::settings& s)
{
    const bool asks = platform::input_is_terminal();
    const auto whose = s.exchange.username.empty() ? "the service account" : printable(s.exchange.username);
    auto first = checked(asks ? platform::ask_hidden("Password of " + whose + ": ", most_bytes)
                              : platform::read_input(most_bytes));
    if (first.has_error())
        return {{}, refuse(unusable(first.error()) + "; nothing is changed")};
    if (!asks)
        return {std::move(*first), {}};
    const auto again = checked(platform::ask_hidden("The same again: ", most_bytes));
    if (again.has_error() || !(*again == *first))
        return {{}, refuse("the two are not the same; nothing is changed")};
    return {std::move(*first), {}};
}

// Whole or not at all, for `owner_of` and nobody else from the first moment on.
error_code replace(const fs::path& file, std::string_view text, const fs::path& owner)
{
    const fs::path fresh = file.string() + ".new";
    auto failed = platform::write_synced(fresh, text, platform::readable_by::owner);
    if (!failed && !owner.empty())
        failed = platform::give_to_owner_of(owner, fresh);
    if (!failed)
        failed = platform::move_synced(fresh, file);
    if (failed)
        platform::remove_synced(fresh); // it may never have been made; the first failure is what is told
    return failed;
}

int cannot_write(const fs::path& file, error_code why)
{
    return refuse(fmt::format("cannot write {}: {}; nothing is changed", file.string(), why.message()));
}

// The agent's user has to read it, whoever runs this: as the file before it, else as the data folder.
int keep_in_file(const config::settings& s, const secret& password)
{
    std::error_code ec;
    const auto file = fs::weakly_canonical(s.exchange.password_file, ec); // a link stays a link
    if (ec)
        return cannot_write(s.exchange.password_file,
                            error_code(ec.value(), boost::system::system_category()));
    const auto& data = s.agent.data_dir;
    const auto owner = fs::exists(file, ec) ? file : fs::exists(data, ec) ? data : fs::path();
    std::string line(password.reveal());
    line += '\n';
    const auto failed = replace(file, line, owner);
    wipe(line);
    if (failed)
        return cannot_write(file, failed);
    fmt::print("stored in {} (mode 0600, owner {})\n"
               "A running agent takes it into use at a reload (systemctl reload workestra-relay).\n",
               file.string(), platform::owner_of(file));
    if (platform::run_by_systemd() && platform::credential_encryption() == platform::encryption::possible)
        fmt::print("secret set --systemd keeps it encrypted for this machine instead.\n");
    return 0;
}

int keep_as_credential(const config::settings& s, const fs::path& config_file, const secret& password)
{
    const auto file = config::encrypted_password(fs::absolute(config_file).parent_path());
    const std::string name(config::password_credential);
    const auto encrypted = platform::encrypt_credential(name, password);
    if (encrypted.has_error())
        return refuse(
            "systemd-creds cannot encrypt the password (try: systemd-creds setup); nothing is changed");
    if (const auto failed = replace(file, *encrypted, {}))
        return cannot_write(file, failed);
    fmt::print("stored in {}, encrypted for this machine\n"
               "The unit hands it to the agent with these lines (systemctl edit workestra-relay):\n"
               "    [Service]\n"
               "    LoadCredentialEncrypted={}:{}\n",
               file.string(), name, file.string());
    if (const auto& old = s.exchange.password_file; !old.empty() && !config::kept_by_service_manager(old))
        fmt::print("Leave exchange.password_file out of {}, and remove {}.\n", config_file.string(),
                   old.string());
    fmt::print("It counts from the next start (systemctl restart workestra-relay).\n");
    return 0;
}

enum class place { file, credential };

int set(const fs::path& config_file, bool systemd)
{
    const auto settings = load_or_tell(config_file, config::purpose::enroll, config::file_check::none);
    if (!settings)
        return exit_failure;
    if (!settings->exchange.password_command.empty())
        return refuse(
            "exchange.password_command is set, and the password comes from there; leave that key out first");
    const auto& file = settings->exchange.password_file;
    const auto can = platform::credential_encryption();
    const bool no_file = file.empty() || config::kept_by_service_manager(file);
    const bool usual = no_file && can == platform::encryption::possible && platform::run_by_systemd();
    const auto where = systemd || usual ? place::credential : place::file;
    if (systemd && can == platform::encryption::needs_root)
        return refuse("--systemd encrypts with the machine's key, which is root's: run it as root");
    if (systemd && can == platform::encryption::absent)
        return refuse(
            "--systemd needs systemd-creds, which this machine lacks; without it the password goes to "
            "exchange.password_file");
    if (where == place::file && no_file)
        return refuse(
            fmt::format("set exchange.password_file in {} first, such as "
                        "\"/etc/workestra-relay/exchange.password\": there is no place for the password",
                        config_file.string()));

    const auto given = read_password(*settings);
    if (given.refused)
        return *given.refused;
    return where == place::credential ? keep_as_credential(*settings, config_file, given.password)
                                      : keep_in_file(*settings, given.password);
}

} // namespace

void add_secret(command_line& line)
{
    auto* group = line.add_group("secret", "Store the service account's password");
    auto* command =
        line.add(group, "set",
                 "Ask for the password, or read it from standard input, and store it protected: in the "
                 "file exchange.password_file, or as a systemd credential");
    const auto systemd = std::make_shared<bool>(false);
    command->add_flag("--systemd", *systemd, "As a systemd credential, encrypted for this machine (as root)");
    line.does(command, [systemd](const fs::path& config) { return set(config, *systemd); });
}

} // namespace relay::service
