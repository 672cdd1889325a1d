#include "agent/doctor/exchange_checks.hpp"

#include "agent/doctor/wording.hpp"
#include "agent/ews/reasons.hpp"
#include "agent/http/cause.hpp"
#include "agent/http/challenge.hpp"
#include "agent/http/connection.hpp"
#include "agent/http/endpoint.hpp"
#include "agent/uplink/tls_connection.hpp"
#include "common/secret/flaw.hpp"
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "common/tls/tls_error.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

namespace relay::doctor {
namespace {

constexpr duration step_limit = 10s;
constexpr std::string_view version_check = "server_version";
constexpr std::string_view resolve_check = "resolve_names";
constexpr std::string_view address_advice =
    "Set exchange.url to the EWS address, as in https://mail.example/EWS/Exchange.asmx: the Exchange "
    "administrator reads it off with Get-WebServicesVirtualDirectory | Format-List InternalUrl,ExternalUrl. "
    "It must not lead through the sign-in form of Outlook on the web or AD FS.";
constexpr std::string_view supported_versions = "this agent needs Exchange 2013 SP1, 2016, 2019 or SE";

std::string_view scheme_name(http::auth_scheme a)
{
    switch (a) {
    case http::auth_scheme::basic:
        return "Basic";
    case http::auth_scheme::ntlm:
        return "NTLM";
    case http::auth_scheme::negotiate:
        return "Negotiate";
    }
    return "NTLM";
}

std::string end_for_firewall(const exchange_visit& v)
{
    return fmt::format("{} port {}", v.host, v.port);
}

// What answered a request that shows no credentials. EWS answers 401, whatever is asked.
bool may_be_ews(const exchange_visit& v)
{
    return v.status == 401 || v.status == 403 || v.status == 429 || v.status >= 500;
}

meaning of_certificate(const exchange_visit& v)
{
    const auto& tls_error = v.peer.tls_error;
    const auto& leaf = v.peer.leaf;
    if (tls_error == tls::tls_error::unknown_issuer) {
        if (looks_like_inspection(leaf.issuer))
            return of_inspection(leaf, end_for_firewall(v));
        if (v.ca_file.empty())
            return {fmt::format("the system's trust store does not know its issuer, \"{}\"", leaf.issuer),
                    fmt::format("Get the certificate of \"{}\", in PEM, from the team that runs the "
                                "company's CA and set exchange.ca_file to it.",
                                leaf.issuer)};
        return {
            fmt::format("exchange.ca_file is the wrong CA: {} does not hold its issuer, \"{}\"", v.ca_file,
                        leaf.issuer),
            fmt::format(
                "Put the certificate of \"{}\", in PEM, into {}: the team that runs the company's CA has it.",
                leaf.issuer, v.ca_file)};
    }
    if (tls_error == tls::tls_error::expired)
        return {fmt::format("Exchange's certificate has expired (it was valid until {})",
                            format_rfc3339(leaf.not_after)),
                "The Exchange administrator renews it (Get-ExchangeCertificate, New-ExchangeCertificate) and "
                "assigns it to IIS. Where it is fresh, check this machine's clock."};
    if (tls_error == tls::tls_error::not_yet_valid)
        return {
            "Exchange's certificate is not valid yet: this machine's clock is behind, or it was just issued",
            "The administrator of this machine sets its clock (timedatectl; NTP keeps it right)."};
    if (tls_error == tls::tls_error::not_the_pinned_one)
        return {"another certificate than the one in exchange.certificate_sha256",
                "Ask the Exchange administrator whether it was renewed: then set exchange.certificate_sha256 "
                "to the new one's, or leave the key out. If it was not, somebody stands between."};
    if (tls_error == tls::tls_error::ours_missing)
        return {
            "Exchange wants a client certificate, and the agent has none",
            "The Exchange administrator sets client certificates to Ignore, or Accept, for the EWS folder in "
            "IIS (SSL Settings)."};
    if (!tls_error.failed() && !v.peer.leaf_der.empty())
        return {fmt::format("another server answers than {}, or its certificate lacks that name", v.host),
                "Set exchange.url to a name that is in the certificate, or have the Exchange administrator "
                "put this one into it."};
    return {"no secure connection",
            fmt::format("Check host and port in exchange.url: what answers there has to speak TLS 1.2 or "
                        "newer. The Exchange administrator can tell what {} is.",
                        v.server)};
}

meaning of_no_answer(const exchange_visit& v)
{
    const auto& f = *v.not_answered;
    if (f.code == http::cause::tls_failed && f.message.starts_with("exchange.ca_file"))
        return {"Exchange's certificate cannot be judged", "Put the CA's certificate there, in PEM."};
    if (f.code == http::cause::tls_failed)
        return of_certificate(v);
    if (f.code == http::cause::timed_out)
        return {"TCP works but nothing more: a firewall holds TLS back, or the server hangs",
                fmt::format("Ask the firewall team whether it lets TLS to {} through; the Exchange "
                            "administrator whether the server is well.",
                            end_for_firewall(v))};
    if (f.code == http::cause::bad_answer)
        return {"what answers there is no web server", "Check host and port in exchange.url."};
    return {"the connection broke off", fmt::format("Ask the firewall team what it does with TLS to {}; the "
                                                    "Exchange administrator whether the server is well.",
                                                    end_for_firewall(v))};
}

check check_connection(const exchange_visit& v)
{
    check c{std::string(exchange_connection_check), !v.not_connected, {}, {}};
    if (c.ok) {
        c.message = fmt::format("{} is {}; connected to {}", v.host, v.addresses, v.server);
        return c;
    }
    if (v.not_connected->at == uplink::step::settings) {
        c.message = v.not_connected->message;
        c.advice =
            "Correct exchange.url, as in https://mail.example/EWS/Exchange.asmx. http:// is used only with "
            "exchange.allow_plaintext = true, and by NTLM or Negotiate.";
        return c;
    }
    const destination to{end_for_firewall(v), v.server, "exchange.url", false};
    const auto m = v.not_connected->at == uplink::step::name ? of_name(v.not_connected->code, v.host, to.key)
                                                             : of_tcp(v.not_connected->code, to);
    c.message = v.not_connected->message + ": " + m.means;
    c.advice = m.advice;
    return c;
}

check check_tls(const exchange_visit& v)
{
    check c{std::string(exchange_tls_check), true, {}, {}};
    if (v.not_connected)
        return not_tried(c.name, "there is no connection to Exchange");
    if (v.not_answered && v.not_answered->how_far == http::reached::nothing) {
        const auto m = of_no_answer(v);
        c.ok = false;
        c.message = v.not_answered->message + ": " + m.means;
        c.advice = m.advice;
        return c;
    }
    if (!v.encrypted) {
        c.message = "exchange.url is http://, as exchange.allow_plaintext permits: nothing is encrypted";
        c.advice = "Use https:// wherever the network is not the server's own: others can read along.";
        return c;
    }
    c.message = fmt::format("{}, valid until {}", v.peer.whom, format_rfc3339(v.peer.leaf.not_after));
    return c;
}

std::string account_name(const account_facts& who)
{
    return who.username.empty() ? "the account that the agent runs as" : who.username;
}

check failed_sign_in(const account_facts& who, std::string message, std::string advice)
{
    return {std::string(sign_in_check), false,
            fmt::format("signing in as {} ({}): {}", account_name(who), who.method, message),
            std::move(advice)};
}

check judge_version(const std::optional<ews::server_version>& version, std::string_view otherwise)
{
    if (!version)
        return not_tried(version_check, otherwise);
    const auto what = fmt::format("{} ({})", version->product(), version->str());
    switch (ews::support_of(*version)) {
    case ews::support::supported:
        return {std::string(version_check), true, what, {}};
    case ews::support::online:
        return {std::string(version_check), false, what + ": not a server of this network",
                "Connect Exchange Online by Workestra's Microsoft 365 integration; it needs no agent."};
    case ews::support::too_old:
        break;
    }
    return {std::string(version_check), false,
            fmt::format("{} is too old a server: {}", what, supported_versions),
            "The Exchange administrator names a newer server of the organisation for exchange.url, or "
            "upgrades this one."};
}

// Where it failed on this machine, before Exchange could judge anything.
constexpr std::string_view ticket_advice =
    "Exchange was shown nothing, so no password is wrong: this machine has no Kerberos ticket to show. Look "
    "as the user "
    "that the agent runs as: klist shows its tickets, and /etc/krb5.conf names its realm and directory. "
    "Without a "
    "ticket of its own (kinit, k5start), the agent needs exchange.username and a password.";
constexpr std::string_view local_advice = "Exchange was shown nothing, so no password is wrong: the sign-in "
                                          "could not be begun on this machine. What is said "
                                          "above tells why; exchange.username has to be in the form of "
                                          "exchange.auth, and for Kerberos /etc/krb5.conf has to "
                                          "name the realm and its directory.";

constexpr std::string_view password_advice =
    "Put the right password where exchange.password_file or password_command says and reload the agent. The "
    "Active Directory administrator can tell whether the account is locked, disabled or expired: Get-ADUser "
    "NAME -Properties LockedOut,Enabled,PasswordExpired";

check judge_sign_in(const ews::error& e, const account_facts& who)
{
    using protocol::fault_code;
    if (ews::is_http_forbidden(e.fault))
        return failed_sign_in(who,
                              e.fault.message + ": the account is locked out of EWS, or has no right to it",
                              "The Exchange administrator looks at the account: Get-CASMailbox NAME | "
                              "Format-List Ews*; Get-OrganizationConfig | Format-List Ews*. EwsEnabled must "
                              "not be False, and EwsApplicationAccessPolicy must let the agent "
                              "(workestra-relay) in. A proxy before Exchange may forbid it too.");
    if (e.fault.code == fault_code::exchange_unsupported)
        return failed_sign_in(who, fmt::format("{} is not an EWS address: {}", who.url, e.fault.message),
                              std::string(address_advice));
    if (e.fault.code == fault_code::exchange_unavailable)
        return failed_sign_in(who, e.fault.message,
                              "Exchange, or a balancer before it, does not answer as it should: the Exchange "
                              "administrator looks at the server (Test-ServiceHealth) and at IIS.");
    if (e.fault.message.find("balancer") != std::string::npos)
        return failed_sign_in(
            who, e.fault.message,
            "Whoever runs the balancer before Exchange sets affinity there (a cookie, or the client's "
            "address), so that all steps of a sign-in on one connection reach one server.");
    return failed_sign_in(who, e.fault.message,
                          std::string(who.username.empty() ? ticket_advice : password_advice));
}

check judge_resolving(const ews::error& e)
{
    using protocol::fault_code;
    check c{
        std::string(resolve_check), false, "ResolveNames for the service account: " + e.fault.message, {}};
    if (e.fault.code == fault_code::exchange_busy)
        c.advice = fmt::format(
            "Exchange throttles the service account. The agent waits as it is told ({}); where that comes "
            "often, the Exchange administrator gives the account a policy of its own: New-ThrottlingPolicy "
            "Workestra -EwsMaxConcurrency 27 -EwsMaxBurst Unlimited -EwsRechargeRate Unlimited "
            "-EwsCutoffBalance Unlimited; Set-ThrottlingPolicyAssociation NAME -ThrottlingPolicy Workestra",
            rough(e.back_off));
    else
        c.advice = "The Exchange administrator looks the error code up in the server's event log.";
    return c;
}

// Whether Exchange took the credentials, although the call failed.
bool got_in(const ews::error& e, const std::optional<ews::server_version>& version)
{
    using protocol::fault_code;
    if (e.fault.code == fault_code::exchange_unsupported)
        return version && ews::support_of(*version) != ews::support::supported;
    return e.fault.code == fault_code::exchange_busy ||
           (!e.fault.exchange.empty() && !ews::is_http_status(e.fault));
}

// Reads the password once; the client then uses what was read. Why it cannot be read, or nothing.
std::optional<std::string> fetch_password(http::client_settings& s)
{
    if (s.username.empty() || !s.keytab.empty())
        return std::nullopt;
    if (!s.password)
        return "neither exchange.password_file nor exchange.password_command is set";
    auto read = s.password();
    if (read.has_error())
        return trouble_with("the password", read.error());
    s.password = [kept = std::make_shared<const secret>(std::move(*read))]() -> result<secret> {
        return *kept;
    };
    return std::nullopt;
}

http::channel_binding other_way(http::channel_binding b)
{
    return b == http::channel_binding::never ? http::channel_binding::always : http::channel_binding::never;
}

// Only one of the two ways of channel binding works: says so in the sign-in's check.
void tell_of_protection(check& c, http::channel_binding wanted)
{
    if (wanted == http::channel_binding::never) {
        c.ok = false;
        c.message += "; but only with channel binding: Exchange requires Extended Protection, and "
                     "exchange.channel_binding is \"never\"";
        c.advice = "Set exchange.channel_binding = \"auto\" and reload the agent.";
        return;
    }
    c.ok = wanted == http::channel_binding::automatic;
    c.message +=
        "; but only without channel binding: Extended Protection fails, as something between this machine "
        "and Exchange (a balancer, TLS inspection) shows another certificate than Exchange has";
    c.advice = "The Exchange administrator has the balancer show Exchange's own certificate (SSL offloading "
               "does not go with Extended Protection), or the firewall team takes TLS inspection away.";
    if (!c.ok)
        c.advice += " Until then set exchange.channel_binding = \"auto\".";
}

} // namespace

std::string exchange_visit::hopeless() const
{
    if (not_connected)
        return "there is no connection to Exchange";
    if (not_answered && not_answered->how_far == http::reached::nothing)
        return "there is no secure connection to Exchange";
    return {};
}

task<exchange_visit> visit_exchange(time_source& time, const http::client_settings& settings)
{
    exchange_visit v;
    v.ca_file = settings.ca_file.string();
    const auto server = http::parse_endpoint(
        settings.url, settings.allow_plaintext ? http::plaintext::allowed : http::plaintext::refused);
    if (server.has_error()) {
        v.not_connected = uplink::failed{
            uplink::step::settings, server.error(),
            settings.url.starts_with("http://")
                ? "exchange.url is http://, and exchange.allow_plaintext is not set: nothing is sent"
                : "exchange.url cannot be used: it is no https:// address"};
        co_return v;
    }
    v.host = server->host;
    v.server = server->name;
    v.encrypted = server->tls;
    v.port = server->name.substr(server->name.rfind(':') + 1);

    const auto executor = co_await asio::this_coro::executor;
    uplink::name_lookup names(executor);
    uplink::dial_report dialled;
    uplink::dial_steps steps(time, step_limit, dialled);
    const auto port = static_cast<std::uint16_t>(std::stoul(v.port)); // libcurl has looked at it
    http::address_memory untried;
    const auto socket = co_await uplink::dial_tcp(steps, names, untried, v.host, port, v.server);
    v.addresses = dialled.steps.empty() ? std::string() : dialled.steps.front().detail;
    if (socket.has_error()) {
        v.not_connected = socket.error();
        co_return v;
    }

    http::blocking_executor blocking_executor;
    http::trust who(settings.ca_file, settings.certificate_sha256, blocking_executor);
    http::connection wire(executor, *server, who, untried, settings.limits, settings.user_agent, time);
    const http::request nothing{};
    const http::connection::order bare{.what = nothing,
                                       .deadline = std::chrono::steady_clock::now() + 2 * step_limit};
    const auto answer = co_await wire.exchange(bare);
    v.peer = wire.peer();
    if (answer.outcome.has_error()) {
        v.not_answered = answer.outcome.error();
        co_return v;
    }
    v.status = answer.outcome->status;
    v.offers = http::offered_schemes(*answer.outcome);
    for (const auto& [name, value] : answer.outcome->headers)
        if (name == "x-owa-version")
            v.version = ews::parse_server_version(value);
    co_return v;
}

std::vector<check> exchange_checks(const exchange_visit& v)
{
    return {check_connection(v), check_tls(v)};
}

account_facts account_of(const http::client_settings& s, const std::optional<ews::server_version>& version)
{
    return {s.username, s.url, std::string(scheme_name(s.auth)), version};
}

std::vector<check> account_checks_not_tried(std::string_view why)
{
    return {not_tried(sign_in_check, why), not_tried(version_check, why), not_tried(resolve_check, why)};
}

std::vector<check> account_checks(const ews::outcome<ews::server_info>& answer, const account_facts& who)
{
    const check in{std::string(sign_in_check),
                   true,
                   fmt::format("{} is signed in to {} ({})", account_name(who), who.url, who.method),
                   {}};
    if (answer.has_value())
        return {in,
                judge_version(who.version, "Exchange did not tell its version"),
                {std::string(resolve_check),
                 true,
                 answer->account_email.empty() && answer->account_name.empty()
                     ? "Exchange answers; the directory has no mailbox of the service account, and needs none"
                     : fmt::format("Exchange answers; the service account is {} {}", answer->account_name,
                                   answer->account_email),
                 {}}};
    const auto& e = answer.error();
    if (!got_in(e, who.version))
        return {judge_sign_in(e, who), judge_version(who.version, "the sign-in failed"),
                not_tried(resolve_check, "the sign-in failed")};
    auto version = judge_version(who.version, "Exchange did not tell its version");
    if (e.fault.code == protocol::fault_code::exchange_unsupported)
        return {in, std::move(version),
                not_tried(resolve_check, "the server is not one that this agent serves")};
    return {in, std::move(version), judge_resolving(e)};
}

task<signed_in> sign_in(time_source& time, http::client_settings settings, ews::client_settings names,
                        const exchange_visit& seen, duration limit)
{
    auto who = account_of(settings, seen.version);
    const auto hopeless = [&](check c) {
        auto checks = account_checks_not_tried("the sign-in failed");
        checks[0] = std::move(c);
        checks[1] = judge_version(seen.version, "the sign-in failed");
        return signed_in{std::move(checks), nullptr};
    };
    if (const auto why = seen.hopeless(); !why.empty())
        co_return signed_in{account_checks_not_tried(why), nullptr};
    if (!seen.encrypted && settings.auth == http::auth_scheme::basic)
        co_return hopeless(failed_sign_in(
            who, "not done: Basic is never sent over http://, where everybody on the way reads the password",
            "Set exchange.url to https://, or exchange.auth to ntlm or negotiate. Exchange itself has no "
            "part in this."));
    // Credentials are shown to nobody who does not ask for them.
    if (seen.status != 0 && !may_be_ews(seen))
        co_return hopeless(
            failed_sign_in(who,
                           fmt::format("not done, as {} is not an EWS address: it answers HTTP {} to a "
                                       "request without credentials, where EWS answers 401",
                                       settings.url, seen.status),
                           std::string(address_advice)));
    if (seen.status == 401 && seen.offers.find(who.method) == seen.offers.npos)
        co_return hopeless(failed_sign_in(
            who, fmt::format("Exchange does not offer {} (it offers {})", who.method, seen.offers),
            fmt::format("Set exchange.auth to what it offers, or have the Exchange administrator switch {} "
                        "on: Set-WebServicesVirtualDirectory.",
                        who.method)));
    if (const auto trouble = fetch_password(settings))
        co_return hopeless(failed_sign_in(
            who, *trouble,
            "Write the service account's password where exchange.password_file says (workestra-relay secret "
            "set), or look at what exchange.password_command prints."));

    const auto wanted = settings.channel_binding;
    const bool bound = seen.encrypted && settings.auth != http::auth_scheme::basic;
    if (bound && wanted == http::channel_binding::automatic)
        settings.channel_binding = http::channel_binding::always; // and then, here, without
    auto asker = std::make_unique<exchange_asker>(settings, names, time);
    auto answer = co_await asker->ews().resolve_account(limit);
    bool changed = false;
    if (bound && asker->refused()) {
        settings.channel_binding = other_way(settings.channel_binding);
        auto other = std::make_unique<exchange_asker>(settings, names, time);
        auto again = co_await other->ews().resolve_account(limit);
        changed = !other->refused();
        if (changed) {
            asker = std::move(other);
            answer = std::move(again);
        }
    }
    if (asker->ews().version())
        who.version = asker->ews().version();
    signed_in s{account_checks(answer, who), nullptr};
    if (asker->refused() && s.checks[0].ok) // of a server that is not served anyway
        s.checks[0] =
            failed_sign_in(who, "Exchange refuses the service account", std::string(password_advice));
    const bool shown_nothing = answer.has_error() &&
                               answer.error().fault.code == protocol::fault_code::auth_failed &&
                               !asker->refused();
    if (shown_nothing && s.checks[0].advice == password_advice)
        s.checks[0].advice = local_advice;
    const bool got_through = s.checks[0].ok;
    if (changed && got_through)
        tell_of_protection(s.checks[0], wanted);
    const bool served = !who.version || ews::support_of(*who.version) == ews::support::supported;
    if (got_through && served)
        s.asker = std::move(asker);
    co_return s;
}

} // namespace relay::doctor
