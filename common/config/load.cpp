#include "common/config/load.hpp"

#include "common/config/checks.hpp"
#include "common/config/credential.hpp"
#include "common/config/enrolment_record.hpp"
#include "common/text/text.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#ifndef _WIN32
#include <unistd.h>
#endif

namespace relay::config {
namespace {

constexpr std::size_t largest_file = 1'048'576;

// Lays `values` over `s`; a later value of a key takes the place of an earlier one.
void lay_over(settings& s, const std::vector<found_value>& values, places& set, mistakes& wrong)
{
    for (const auto& v : values) {
        set[v.rule->name] = v.where;
        if (auto bad = apply(*v.rule, s, v.value); !bad.empty())
            wrong.push_back(mistake_at(set, v.rule->name, std::move(bad)));
    }
}

void fill_in_defaults(settings& s, const std::filesystem::path& folder)
{
    // Relative paths mean the configuration file's folder: a service has no working directory worth naming.
    const auto settle = [&](std::filesystem::path& p) {
        if (!p.empty() && p.is_relative() && !folder.empty())
            p = (folder / p).lexically_normal();
    };
    settle(s.agent.data_dir);
    if (s.cloud.certificate_file.empty())
        s.cloud.certificate_file = s.agent.data_dir / "pki" / "agent.crt";
    if (s.cloud.private_key_file.empty())
        s.cloud.private_key_file = s.agent.data_dir / "pki" / "agent.key";
    for (auto* p : {&s.cloud.certificate_file, &s.cloud.private_key_file, &s.cloud.ca_file,
                    &s.exchange.password_file, &s.exchange.keytab_file, &s.exchange.ca_file, &s.log.file})
        settle(*p);
}

// Keys that enrolment told and nobody set: the administrator's word goes first.
void fill_in_enrolment(settings& s, const places& set)
{
    const bool url_set = set.contains("cloud.url"), ca_set = set.contains("cloud.ca_file");
    const auto told = read_enrolment_record(s.cloud.certificate_file);
    const auto folder = s.cloud.certificate_file.parent_path();
    s.cloud.told_ca_file = folder / "cloud-ca.crt";
    if (ca_set && s.cloud.ca_file.lexically_normal() == s.cloud.told_ca_file.lexically_normal())
        s.cloud.told_ca_file = folder / "cloud-ca-told.crt";
    if (!told)
        return;
    if (!url_set)
        s.cloud.url = told->relay_url;
    if (!ca_set)
        s.cloud.ca_file = told->ca_file;
    if (!ca_set && !told->ca_file.empty())
        s.cloud.told_ca_file = told->ca_file;
    s.cloud.told_ca_counts = !told->ca_file.empty() && told->ca_file == s.cloud.told_ca_file;
}

// The password that the service manager hands over, where no other place for it is set. Outside of the service, what
// `secret set` has kept for it tells that it will be there.
void fill_in_credential(settings& s, const std::filesystem::path& folder, const environment& variables)
{
    auto& e = s.exchange;
    if (e.username.empty() || !e.password_file.empty() || !e.password_command.empty() ||
        !e.keytab_file.empty())
        return;
    std::error_code ec;
    if (const auto handed = variables.find("CREDENTIALS_DIRECTORY"); handed != variables.end()) {
        const auto file = std::filesystem::path(handed->second) / password_credential;
        if (std::filesystem::exists(file, ec))
            e.password_file = file;
    } else if (!folder.empty() && std::filesystem::exists(encrypted_password(folder), ec)) {
        e.password_file =
            std::filesystem::path("/run/credentials/workestra-relay.service") / password_credential;
    }
}

enum class enrolment { looked_up, ignored };

reading assemble(std::string_view toml, const std::filesystem::path& folder, const environment& variables,
                 purpose what, file_check files, enrolment told)
{
    settings s;
    mistakes wrong;
    places set;
    const auto read = read_toml(toml, wrong);
    auto from_file = read.value_or(std::vector<found_value>{});
    const auto from_environment = read_environment(variables, wrong);
    // What a variable overrides is not judged: it has no effect.
    std::erase_if(from_file, [&](const auto& v) {
        return std::any_of(from_environment.begin(), from_environment.end(),
                           [&](const auto& e) { return e.rule == v.rule; });
    });
    lay_over(s, from_file, set, wrong);
    lay_over(s, from_environment, set, wrong);
    fill_in_defaults(s, folder);
    if (told == enrolment::looked_up) {
        fill_in_enrolment(s, set);
        fill_in_credential(s, folder, variables);
    }
    if (read) // else everything would be missing
        check_together(s, set, what, wrong);
    if (files == file_check::permissions)
        check_files(s, set, what, wrong);
    std::stable_sort(wrong.begin(), wrong.end(), [](const mistake& a, const mistake& b) {
        const auto rank = [](const mistake& m) { return std::pair(m.from, m.line == 0 ? 1 << 30 : m.line); };
        return rank(a) < rank(b);
    });
    return {std::move(s), std::move(wrong)};
}

boost::system::result<settings, mistakes> faultless(reading r)
{
    if (!r.wrong.empty())
        return std::move(r.wrong);
    return std::move(r.known);
}

// The file's text, at most one byte over the limit; nothing with errno set where it cannot be read.
std::optional<std::string> read_file(const std::filesystem::path& file)
{
    std::error_code unknown; // and what is no file has no size
    const auto size = std::filesystem::file_size(file, unknown);
    std::string text((unknown || size == 0 ? largest_file : std::min<std::uintmax_t>(size, largest_file)) + 1,
                     '\0');
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    if (!in || !in.read(text.data(), static_cast<std::streamsize>(text.size())).eof()) {
        if (!in.good())
            return std::nullopt;
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

} // namespace

reading load_what_is_readable(const std::filesystem::path& file, const environment& variables, purpose what,
                              file_check files)
{
    // The rest may come from the environment, and paths need their folder filled in.
    const auto without_file = [&](std::string why) {
        auto r = assemble({}, {}, variables, what, files, enrolment::looked_up);
        r.wrong = {{origin::file, 0, {}, std::move(why)}};
        return r;
    };
    std::error_code ec;
    const bool absent = !std::filesystem::exists(file, ec) && !ec;
    if (absent && file == default_config_file()) // everything may come from the environment
        return assemble({}, {}, variables, what, files, enrolment::looked_up);
    if (std::filesystem::is_directory(file, ec))
        return without_file("is a folder, not a file");
    const auto text = read_file(file);
    if (!text) {
        const auto why = std::generic_category().message(errno != 0 ? errno : EIO);
        return without_file("cannot be read: " + why);
    }
    if (text->size() > largest_file)
        return without_file("is larger than 1 MiB");
    return assemble(*text, std::filesystem::absolute(file, ec).parent_path(), variables, what, files,
                    enrolment::looked_up);
}

boost::system::result<settings, mistakes> load(const std::filesystem::path& file,
                                               const environment& variables, purpose what, file_check files)
{
    return faultless(load_what_is_readable(file, variables, what, files));
}

boost::system::result<settings, mistakes> parse(std::string_view toml, const environment& variables,
                                                purpose what, file_check files)
{
    return faultless(assemble(toml, {}, variables, what, files, enrolment::ignored));
}

} // namespace relay::config
