#include "common/config/checks.hpp"

#include "common/config/credential.hpp"
#include "common/config/enrolment_record.hpp"
#include "common/config/file_rules.hpp"
#include "common/url/url.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::config {
namespace {

#ifdef _WIN32
constexpr bool password_may_be_stored = true; // by `secret set`, under DPAPI
#else
constexpr bool password_may_be_stored = false;
#endif

void check_sign_in(const exchange_settings& e, const places& set, mistakes& wrong)
{
    const auto say = [&](std::string_view key, std::string message) {
        wrong.push_back(mistake_at(set, key, std::move(message)));
    };
    // A value that was refused left its place empty, which is not a second mistake.
    const auto refused = [&](std::string_view key) {
        const auto name = mistake_at(set, key, {}).key;
        return std::any_of(wrong.begin(), wrong.end(), [&](const mistake& m) { return m.key == name; });
    };
    const bool negotiate = e.auth == auth_scheme::negotiate;
    const bool from_file = !e.password_file.empty(), from_command = !e.password_command.empty();
    if (e.username.empty() && !negotiate && !refused("exchange.username"))
        say("exchange.username", "is needed, such as CORP\\workestra-svc (only negotiate can do without it)");
    // RFC 7617: the first colon ends the user's name.
    if (e.auth == auth_scheme::basic && e.username.find(':') != std::string::npos)
        say("exchange.username", "must not hold a colon with basic");
    if (from_file && from_command)
        say("exchange.password_command",
            "cannot be set together with exchange.password_file: keep one of them");
    if (!e.keytab_file.empty() && !negotiate)
        say("exchange.keytab_file", "holds Kerberos keys, which only exchange.auth = \"negotiate\" uses");
    if (!e.keytab_file.empty() && (from_file || from_command))
        say("exchange.keytab_file",
            "stands in place of a password: leave out exchange.password_file and exchange.password_command");
    if (!from_file && !from_command && !negotiate && !password_may_be_stored &&
        !refused("exchange.password_file") && !refused("exchange.password_command"))
        say("exchange.password_file", "is needed (or exchange.password_command, or a systemd credential): "
                                      "where is the service account's "
                                      "password? workestra-relay secret set stores it");
}

void check_exchange_url(const exchange_settings& e, const places& set, mistakes& wrong)
{
    if (parse_web_url(e.url, "http").has_error())
        return;
    if (!e.allow_plaintext)
        wrong.push_back(mistake_at(set, "exchange.url",
                                   "must be https:// (http:// only with exchange.allow_plaintext = true)"));
    if (e.auth == auth_scheme::basic)
        wrong.push_back(
            mistake_at(set, "exchange.auth", "basic is never sent over http://: it would show the password"));
    if (e.channel_binding == channel_binding::always)
        wrong.push_back(mistake_at(set, "exchange.channel_binding", "always needs https:// in exchange.url"));
}

} // namespace

mistake mistake_at(const places& set, std::string_view key, std::string message)
{
    const auto found = set.find(key);
    if (found == set.end())
        return {origin::file, 0, std::string(key), std::move(message)};
    const auto& where = found->second;
    return {where.from, where.line, where.from == origin::environment ? where.variable : std::string(key),
            std::move(message)};
}

void check_together(const settings& s, const places& set, purpose what, mistakes& wrong)
{
    if (what == purpose::run) {
        if (!set.contains("cloud.url") && s.cloud.url.empty())
            wrong.push_back(
                {origin::file, 0, "cloud.url",
                 closed_to_us(enrolment_record_file(s.cloud.certificate_file))
                     ? "is needed, and what enrolling told cannot be read: run this as root or as "
                       "the agent's user"
                     : "is needed; enrolling tells it"});
        if (!set.contains("exchange.url"))
            wrong.push_back({origin::file, 0, "exchange.url",
                             "is needed, such as https://mail.corp.example/EWS/Exchange.asmx"});
        check_sign_in(s.exchange, set, wrong);
    }
    check_exchange_url(s.exchange, set, wrong);
}

void check_files(const settings& s, const places& set, purpose what, mistakes& wrong)
{
    // The cloud's files come with enrolling; these two are the administrator's own.
    const auto must_exist = [&](std::string_view key, const std::filesystem::path& file,
                                std::string_view advice) {
        std::error_code ec;
        if (what == purpose::run && !file.empty() && !std::filesystem::exists(file, ec) && !ec)
            wrong.push_back(
                mistake_at(set, key, fmt::format("{} does not exist; {}", file.string(), advice)));
    };
    if (!kept_by_service_manager(s.exchange.password_file)) // which shows it to the service alone
        must_exist("exchange.password_file", s.exchange.password_file,
                   "workestra-relay secret set writes the service account's password into it");
    must_exist("exchange.keytab_file", s.exchange.keytab_file,
               "put the service account's keytab there (ktpass or msktutil makes one)");
    must_exist("exchange.ca_file", s.exchange.ca_file,
               "put the CA that signed Exchange's certificate there, in PEM, or leave the key out for the "
               "system's trust store");
    if (what == purpose::run && closed_to_us(s.exchange.ca_file))
        wrong.push_back(mistake_at(set, "exchange.ca_file",
                                   s.exchange.ca_file.string() +
                                       " cannot be read: permission denied; the agent's user "
                                       "has to be let in, to its folder as well"));
    const auto look_at = [&](std::string_view key, const std::filesystem::path& file) {
        if (file.empty())
            return;
        if (auto bad = secret_file_mistake(file); !bad.empty())
            wrong.push_back(mistake_at(set, key, file.string() + " " + bad));
    };
    look_at("cloud.private_key_file", s.cloud.private_key_file);
    look_at("exchange.password_file", s.exchange.password_file);
    look_at("exchange.keytab_file", s.exchange.keytab_file);
}

} // namespace relay::config
