#include "agent/doctor/cloud_checks.hpp"

#include "agent/doctor/wording.hpp"
#include "common/time/rfc3339.hpp"
#include "common/tls/tls_error.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relay::doctor {
namespace {

using uplink::step;

constexpr duration most_skew = 60s; // sign-ins and certificates stand more, but where it grows, they fail

struct stage {
    step at;
    std::string_view name;
};
constexpr std::array<stage, 5> stages{{{step::name, "cloud_name"},
                                       {step::tcp, "cloud_tcp"},
                                       {step::proxy, "cloud_proxy"},
                                       {step::tls, "cloud_tls"},
                                       {step::upgrade, "cloud_websocket"}}};

std::string end_for_firewall(const cloud_findings& f)
{
    return fmt::format("{} port {}", f.address.host, f.address.port);
}

const uplink::dial_report::step_done* done(const cloud_findings& f, step s)
{
    const auto found =
        std::ranges::find(f.dialled.steps, s, [](const uplink::dial_report::step_done& d) { return d.what; });
    return found == f.dialled.steps.end() ? nullptr : &*found;
}

std::string why_not_reached(const cloud_findings& f)
{
    return fmt::format("the step before it failed ({})", f.failure ? name(f.failure->at) : "unknown");
}

meaning of_proxy(const cloud_findings& f)
{
    const auto& ec = f.failure->code;
    const auto& who = f.dialled.proxy;
    if (who.empty()) // what names it cannot be used
        return {"the proxy setting cannot be used",
                "Correct HTTPS_PROXY in the environment of the service, or set cloud.proxy."};
    if (ec == errc::proxy_auth_required)
        return {fmt::format("the proxy {} wants a sign-in", who),
                "If it offers one that is not used, cloud.proxy_auth says which may be: by default Basic "
                "goes to https:// proxies "
                "only, as over http:// whoever listens can read the password. Else ask the proxy team for an "
                "account (Negotiate, NTLM or Basic) and put it into cloud.proxy "
                "(http://user:password@host:port, special characters as %XX: CORP%5Cuser), or to let this "
                "machine through without one."};
    if (ec == asio::error::no_permission)
        return {fmt::format("the proxy {} refuses the user name or password of cloud.proxy", who),
                "Correct them (special characters as %XX: CORP%5Cuser), and check with the proxy team that "
                "the account is not locked. The agent tries twice, then every 5 minutes."};
    if (tls::is_tls_error(ec) || ec == errc::certificate_name_mismatch)
        return {
            fmt::format("the proxy {} shows a certificate that this machine does not trust, or no TLS at all",
                        who),
            "An https:// proxy is believed by the system's trust store: add its CA there "
            "(update-ca-certificates), and check "
            "that cloud.proxy names it as its certificate does. If the proxy speaks no TLS itself, write "
            "http://."};
    if (ec == errc::proxy_refused)
        return {
            fmt::format("the proxy {} refuses to connect to {}", who, f.address.authority()),
            fmt::format("Ask the proxy team to allow CONNECT to {} for this machine, without TLS inspection.",
                        end_for_firewall(f))};
    if (ec == errc::protocol_violation)
        return {fmt::format("what answers at {} is no HTTP proxy", who),
                "Check host and port in cloud.proxy."};
    if (ec == asio::error::timed_out)
        return {fmt::format("the proxy {} does not answer; it may not get through to {} either", who,
                            f.address.authority()),
                fmt::format("Ask the proxy team whether it can reach {}.", end_for_firewall(f))};
    return {
        fmt::format("the proxy {} broke the connection off", who),
        fmt::format("Ask the proxy team whether it lets this machine connect to {}.", end_for_firewall(f))};
}

meaning of_unknown_issuer(const cloud_findings& f)
{
    const auto& seen = f.dialled.peer;
    if (f.ca_told_by_cloud || f.ca_file.empty() || looks_like_inspection(seen.issuer))
        return of_inspection(seen, end_for_firewall(f));
    return {
        fmt::format(
            "cloud.ca_file is the wrong CA: {} does not hold the issuer of the cloud's certificate, \"{}\"",
            f.ca_file, seen.issuer),
        fmt::format("Put the CA that Workestra gave into cloud.ca_file (enrolling writes it), or leave the "
                    "key out where the cloud's certificate is a public one. Where nobody at Workestra knows "
                    "\"{}\", a firewall opens TLS on the way: have it leave {} out.",
                    seen.issuer, end_for_firewall(f))};
}

meaning of_our_certificate(const error_code& ec)
{
    if (ec == tls::tls_error::ours_revoked)
        return {"the cloud has revoked this agent's certificate",
                "Ask Workestra why. Where that is settled, enrol anew with a fresh token: workestra-relay "
                "enroll --force"};
    if (ec == tls::tls_error::ours_expired)
        return {"the cloud takes this agent's certificate for expired",
                "Check this machine's clock; start the agent, which tries to renew it, or enrol anew: "
                "workestra-relay enroll --force"};
    if (ec == tls::tls_error::ours_missing)
        return {"the cloud wants a certificate from this agent",
                std::string("Enrol this machine: workestra-relay enroll")};
    return {"the cloud does not take this agent's certificate",
            "Check that cloud.url names the cloud that this machine was enrolled with; else enrol anew: "
            "workestra-relay enroll --force"};
}

meaning of_tls(const cloud_findings& f)
{
    const auto& ec = f.failure->code;
    const auto& seen = f.dialled.peer;
    if (tls::is_about_ours(ec))
        return of_our_certificate(ec);
    if (ec == tls::tls_error::unknown_issuer)
        return of_unknown_issuer(f);
    if (ec == tls::tls_error::expired)
        return {"the cloud's certificate has expired, or this machine's clock is ahead",
                "Check this machine's clock (timedatectl). Where it is right, tell Workestra."};
    if (ec == tls::tls_error::not_yet_valid)
        return {"the cloud's certificate is not valid yet: this machine's clock is behind",
                "The administrator of this machine sets its clock (timedatectl; NTP keeps it right)."};
    if (ec == errc::certificate_name_mismatch)
        return {fmt::format("another server answers than {}", f.address.host),
                "Check the host in cloud.url; where it is right, ask the network team who answers at that "
                "address."};
    if (ec == tls::tls_error::not_tls)
        return {"what answers there does not speak TLS", "Check host and port in cloud.url."};
    if (ec == errc::link_closed || ec == asio::error::connection_reset)
        return {
            "the connection was closed in the middle of TLS: most often by a firewall that does not like the "
            "host name",
            fmt::format("Ask the firewall team to let TLS to {} through, uninspected.", end_for_firewall(f))};
    if (ec == asio::error::timed_out)
        return {"TCP works but TLS is not answered: a firewall holds it back, or the server hangs",
                fmt::format("Ask the firewall team whether it lets TLS to {} through; else tell Workestra.",
                            end_for_firewall(f))};
    return {fmt::format("no secure connection{}",
                        seen.issuer.empty()
                            ? ""
                            : fmt::format("; the certificate seen was signed by \"{}\"", seen.issuer)),
            "Tell Workestra, with this sentence."};
}

meaning of_upgrade(const cloud_findings& f)
{
    const auto& ec = f.failure->code;
    if (!f.certificate_trouble.empty())
        return {"without this agent's certificate no link is opened: " + f.certificate_trouble,
                "See the certificate's check."};
    if (tls::is_about_ours(ec))
        return of_our_certificate(ec);
    if (ec == asio::error::access_denied)
        return {"the cloud knows this agent's certificate but does not let it in: it may be revoked or "
                "switched off",
                "Ask Workestra about this agent. Where it was replaced, enrol anew: workestra-relay enroll "
                "--force"};
    if (ec == errc::link_closed)
        return {"the cloud is there but cannot take a link now",
                "Try again in some minutes; else tell Workestra."};
    if (ec == errc::protocol_violation)
        return {"what answers is a web server but not the relay's cloud, or something between does not let "
                "WebSockets through",
                fmt::format("Check host and path in cloud.url (…/v1/connect). Where they are right, ask the "
                            "firewall or proxy team to let WebSockets to {} through.",
                            end_for_firewall(f))};
    if (ec == asio::error::timed_out)
        return {"TLS works but the WebSocket is not answered: something between holds it back",
                fmt::format("Ask the firewall or proxy team to let WebSockets to {} through.",
                            end_for_firewall(f))};
    return {
        "the connection broke before the link was open",
        fmt::format("Try again; where it stays, ask the firewall team what it does with connections to {}.",
                    end_for_firewall(f))};
}

meaning of_failure(const cloud_findings& f)
{
    const bool via_proxy = !f.dialled.proxy.empty();
    const auto first = via_proxy ? f.dialled.proxy : f.address.authority();
    const destination to{via_proxy ? fmt::format("the proxy {}", f.dialled.proxy) : end_for_firewall(f),
                         via_proxy ? "the proxy " + first : first, via_proxy ? "cloud.proxy" : "cloud.url",
                         !via_proxy};
    switch (f.failure->at) {
    case step::name:
        return of_name(f.failure->code, first.substr(0, first.rfind(':')), to.key);
    case step::tcp:
        return of_tcp(f.failure->code, to);
    case step::proxy:
        return of_proxy(f);
    case step::tls:
        return of_tls(f);
    case step::upgrade:
        return of_upgrade(f);
    case step::settings:
    case step::welcome:
    case step::serving:
        break;
    }
    return {};
}

// What whoever listens between here and the proxy gets to know of the sign-in.
std::string exposure(const uplink::dial_report& d)
{
    if (d.proxy_sign_in.empty())
        return {};
    if (d.proxy_encrypted)
        return fmt::format("; it was signed in to by {}, over TLS", d.proxy_sign_in);
    if (d.proxy_sign_in == "Basic")
        return "; it was signed in to by Basic over http://: whoever listens on the way can read the "
               "password";
    return fmt::format("; it was signed in to by {} over http://: the password is not shown, but nothing "
                       "binds the sign-in to "
                       "this connection, so whoever sits in between could use it in the agent's place",
                       d.proxy_sign_in);
}

std::string success(const cloud_findings& f, const stage& s, const std::string& detail)
{
    const bool via = !f.dialled.proxy.empty();
    switch (s.at) {
    case step::name:
        return fmt::format("{} is {}", via ? "the proxy " + f.dialled.proxy : f.address.host, detail);
    case step::tcp:
        return fmt::format("connected to {} ({})",
                           via ? "the proxy " + f.dialled.proxy : f.address.authority(), detail);
    case step::proxy:
        return fmt::format("{} opened a tunnel to {}{}", detail, f.address.authority(), exposure(f.dialled));
    case step::tls:
        return fmt::format("{}, signed by {}, valid until {}", detail, f.dialled.peer.issuer,
                           format_rfc3339(f.dialled.peer.not_after));
    default:
        return fmt::format("{}{} was opened and closed again; no hello was sent", f.address.authority(),
                           detail);
    }
}

check judge_stage(const cloud_findings& f, const stage& s)
{
    check c{std::string(s.name), true, {}, {}};
    if (s.at == step::tls && !f.ca_trouble.empty()) {
        c.ok = false;
        c.message = "the cloud's certificate cannot be judged: " + f.ca_trouble;
        c.advice = "Put there, in PEM, the CA that Workestra gave (enrolling writes it), or leave "
                   "cloud.ca_file out for the system's trust store.";
        return c;
    }
    if (const auto* d = done(f, s.at)) {
        c.message = success(f, s, d->detail);
        if (s.at == step::proxy && f.dialled.proxy_sign_in == "Basic" && !f.dialled.proxy_encrypted)
            c.advice = "Ask the proxy team for an https:// proxy, or for Negotiate or NTLM; then take "
                       "\"basic\" out of "
                       "cloud.proxy_auth.";
        return c;
    }
    if (f.failure && f.failure->at == s.at) {
        const auto m = of_failure(f);
        c.ok = false;
        c.message = f.failure->message + ": " + m.means;
        c.advice = m.advice;
        return c;
    }
    const bool chosen = !f.failure || f.failure->at != step::settings;
    if (s.at == step::proxy && f.dialled.proxy.empty() && chosen) {
        c.message = "none is set: connections go out directly";
        return c;
    }
    return not_tried(s.name, why_not_reached(f));
}

check judge_clock(const cloud_findings& f)
{
    if (!f.dialled.server_time)
        return not_tried(clock_check, f.failure
                                          ? "the cloud gave no HTTP answer to read the time from (see below)"
                                          : "the cloud's answer tells no time");
    const auto off = f.seen_at - *f.dialled.server_time;
    check c{std::string(clock_check), std::chrono::abs(off) < most_skew, {}, {}};
    const auto both = fmt::format("this machine says {}, the cloud {}", format_rfc3339(f.seen_at),
                                  format_rfc3339(*f.dialled.server_time));
    if (c.ok) {
        c.message = fmt::format("{}: close enough", both);
        return c;
    }
    c.message = fmt::format("{}: this machine's clock is {} {}", both, rough(off),
                            off > milliseconds(0) ? "ahead" : "behind");
    c.advice = "The administrator of this machine sets its clock and has it kept right: timedatectl set-ntp "
               "true. Certificates and sign-ins fail where it is off.";
    return c;
}

} // namespace

task<cloud_findings> look_at_cloud(time_source& time, uplink::dial_settings settings)
{
    cloud_findings f;
    f.ca_file = settings.files.ca_file.string();
    if (const auto address = parse_web_url(settings.url, "wss"); address.has_value())
        f.address = *address;
    auto& files = settings.files;
    if (const auto trusted = tls::make_client_context({{}, {}, files.ca_file}); trusted.has_error()) {
        f.ca_trouble = trusted.error().message;
        files.ca_file.clear();
    }
    if (const auto ours = tls::make_client_context(files); ours.has_error()) {
        f.certificate_trouble = ours.error().message;
        files.certificate_file.clear();
        files.private_key_file.clear();
    }
    uplink::tls_connector dialer(co_await asio::this_coro::executor, time);
    if (const auto ready = dialer.load(std::move(settings)); ready.has_error()) {
        f.failure = ready.error();
        co_return f;
    }
    auto link = co_await dialer.dial(f.dialled);
    f.seen_at = time.utc_now();
    if (link.has_error())
        f.failure = link.error();
    else
        co_await uplink::leave(time, **link);
    co_return f;
}

std::vector<check> cloud_checks(const cloud_findings& f)
{
    std::vector<check> checks{judge_clock(f)};
    for (const auto& s : stages)
        checks.push_back(judge_stage(f, s));
    return checks;
}

std::vector<check> cloud_checks_not_tried(std::string_view why)
{
    std::vector<check> checks{not_tried(clock_check, why)};
    for (const auto& s : stages)
        checks.push_back(not_tried(s.name, why));
    return checks;
}

} // namespace relay::doctor
