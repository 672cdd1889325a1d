#include "agent/app/cloud_settings.hpp"

#include "agent/app/version.hpp"
#include "agent/enrolment/identity_files.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace relay::app {
namespace {

uplink::proxy_rule proxy_of(const config::proxy_settings& p, const std::vector<std::string>& auth)
{
    using mode = uplink::proxy_rule::mode;
    switch (p.mode) {
    case config::proxy_mode::direct:
        return {mode::direct, {}};
    case config::proxy_mode::environment:
        return {mode::environment, {}, auth};
    case config::proxy_mode::fixed:
        return {mode::fixed, p.fixed, auth};
    }
    return {};
}

} // namespace

tls::credential_files credentials(const config::cloud_settings& c)
{
    return {c.certificate_file, c.private_key_file, c.ca_file, trust_of(c).told_ca_file};
}

enrolment::trust_files trust_of(const config::cloud_settings& c)
{
    return {c.ca_file, c.told_ca_counts ? c.told_ca_file : std::filesystem::path()};
}

// What an administrator names and is not there yet, enrolling makes.
enrolment::places enrolment_places(const config::cloud_settings& c)
{
    std::error_code ec;
    const bool to_be_made = !c.ca_file.empty() && !std::filesystem::exists(c.ca_file, ec);
    return enrolment::places_of(c.certificate_file, c.private_key_file,
                                to_be_made ? c.ca_file : c.told_ca_file);
}

uplink::dial_settings dial_settings(const config::cloud_settings& c)
{
    uplink::dial_settings d;
    d.url = c.url;
    d.files = credentials(c);
    d.proxy = proxy_of(c.proxy, c.proxy_auth);
    d.user_agent = "workestra-relay/" + std::string(version());
    d.environment = [](const char* name) {
        const char* value = std::getenv(name);
        return value ? std::string(value) : std::string();
    };
    return d;
}

enrolment::outcome<identity> own_identity(const config::cloud_settings& c)
{
    using enrolment::failed;
    using enrolment::fault;
    const enrolment::identity_files files(enrolment_places(c));
    if (const auto well = files.settle(); well.has_error())
        return well.error();
    auto certificate = tls::read_certificate(c.certificate_file, c.private_key_file);
    if (certificate.has_error()) {
        const bool absent = certificate.error().code == errc::not_found;
        return failed{fault::local, certificate.error().message +
                                        (absent ? "; enrol this machine first: workestra-relay enroll" : "")};
    }
    auto id = enrolment::agent_id_of(c.certificate_file, *certificate);
    if (id.empty())
        return failed{fault::local,
                      fmt::format("{}: the certificate has no common name, which is this agent's id",
                                  c.certificate_file.string())};
    return identity{std::move(id), *std::move(certificate)};
}

} // namespace relay::app
