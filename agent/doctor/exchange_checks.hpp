// Checks of the way to Exchange and of the service account there: name, TCP, TLS, sign-in, version, ResolveNames.
#pragma once

#include "agent/doctor/report.hpp"
#include "agent/ews/ews_client.hpp"
#include "agent/http/client.hpp"
#include "agent/http/trust.hpp"
#include "agent/uplink/link.hpp"

#include <optional>

namespace relay::doctor {

inline constexpr std::string_view exchange_connection_check = "exchange_connection";
inline constexpr std::string_view exchange_tls_check = "exchange_tls";
inline constexpr std::string_view sign_in_check = "sign_in";

// What a request without credentials found: what answers there, and which sign-ins it offers. A value.
struct exchange_visit {
    std::string host, port, server; // "mail.corp.example", "443", "mail.corp.example:443"
    bool encrypted = true;
    std::string ca_file;
    std::optional<uplink::failed> not_connected; // name or TCP
    std::string addresses;                       // that the name stands for
    std::optional<http::failed> not_answered;    // TLS, or later
    http::presented peer;
    int status = 0;
    std::string offers;                         // "Negotiate, NTLM"
    std::optional<ews::server_version> version; // X-OWA-Version: Exchange tells it to everybody

    // What makes a sign-in pointless, as the end of "not tried: …"; empty where it can be tried.
    std::string hopeless() const;
};

task<exchange_visit> visit_exchange(time_source& time, const http::client_settings& settings);
// Connection, and TLS with the certificate.
std::vector<check> exchange_checks(const exchange_visit& v);

// Whom the sign-in is about, for sentences.
struct account_facts {
    std::string username; // empty: the account that the process runs as
    std::string url;
    std::string method;                         // "ntlm"
    std::optional<ews::server_version> version; // where anything told it
};

account_facts account_of(const http::client_settings& s, const std::optional<ews::server_version>& version);

// Sign-in, server version and ResolveNames, all from the answer to one ResolveNames. Where Exchange could not be asked,
// `answer` is why.
std::vector<check> account_checks(const ews::outcome<ews::server_info>& answer, const account_facts& who);
std::vector<check> account_checks_not_tried(std::string_view why);

// Exchange as the account of `settings`, asked over one connection.
class exchange_asker {
public:
    exchange_asker(http::client_settings settings, ews::client_settings names, time_source& time)
        : http_(std::move(settings), time),
          ews_(http_, time, std::move(names))
    {
    }
    ews::ews_client& ews() noexcept { return ews_; }
    bool refused() const { return http_.now().account_refused; }

private:
    http::client http_;
    ews::ews_client ews_;
};

struct signed_in {
    std::vector<check> checks;
    std::unique_ptr<exchange_asker> asker; // null where there is no use in asking on
};

// Signs in and asks. Wrong credentials are shown once, over NTLM and Negotiate once with and once without channel binding,
// as the agent does with channel_binding = "auto": which of the two works tells Extended Protection from a wrong password.
task<signed_in> sign_in(time_source& time, http::client_settings settings, ews::client_settings names,
                        const exchange_visit& seen, duration limit);

} // namespace relay::doctor
