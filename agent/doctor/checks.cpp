#include "agent/doctor/checks.hpp"

#include "common/time/rfc3339.hpp"

#include <fmt/format.h>

namespace relay::doctor {
namespace {

constexpr std::uintmax_t least_free_bytes = 256ull * 1024 * 1024;

std::string advice_for(protocol::fault_code code)
{
    switch (code) {
    case protocol::fault_code::auth_failed:
        return "Check exchange.username and the password; the Exchange administrator can tell whether the "
               "account is "
               "locked or its password has expired. Then reload the agent.";
    case protocol::fault_code::exchange_unsupported:
        return "Check that exchange.url is the EWS address of an Exchange 2016, 2019 or SE server, as in "
               "https://mail.example/EWS/Exchange.asmx.";
    case protocol::fault_code::exchange_busy:
        return "Exchange throttles the service account: the Exchange administrator can give it a throttling "
               "policy of its own.";
    case protocol::fault_code::exchange_unavailable:
        return "Check that exchange.url is right and that this machine may reach it (the firewall team needs "
               "its host and port).";
    default:
        return "The Exchange administrator can look the error code up in the server's logs.";
    }
}

} // namespace

check data_folder(const std::filesystem::path& folder)
{
    check c{"data_folder", false, {}, {}};
    std::error_code ec;
    const auto space = std::filesystem::space(folder, ec);
    if (ec) {
        c.message = fmt::format("{}: {}", folder.string(), ec.message());
        c.advice = "Check that agent.data_dir exists and belongs to the user that the agent runs as.";
        return c;
    }
    c.message = fmt::format("{} has {} MiB free", folder.string(), space.available / (1024 * 1024));
    c.ok = space.available >= least_free_bytes;
    if (!c.ok)
        c.advice =
            fmt::format("Make room: the agent refuses new writes when the disk is full. It wants {} MiB.",
                        least_free_bytes / (1024 * 1024));
    return c;
}

check certificate(const tls::credential_files& files, utc_time now)
{
    check c{"certificate", false, {}, {}};
    const auto facts = tls::read_certificate(files.certificate_file, files.private_key_file);
    if (facts.has_error()) {
        c.message = facts.error().message;
        c.advice = "Enroll the agent, or set cloud.certificate_file and cloud.private_key_file to what "
                   "enrolment wrote.";
        return c;
    }
    if (!facts->matches_key) {
        c.message = fmt::format("{} does not belong to the key in {}", files.certificate_file.string(),
                                files.private_key_file.string());
        c.advice = "Restore the pair that enrolment wrote, or enroll again.";
        return c;
    }
    if (now < facts->not_before || now >= facts->not_after) {
        c.message = fmt::format("{} is valid from {} to {}, and this machine's clock says {}", facts->subject,
                                format_rfc3339(facts->not_before), format_rfc3339(facts->not_after),
                                format_rfc3339(now));
        c.advice = "Check this machine's clock; where it is right, enroll the agent again.";
        return c;
    }
    c.ok = true;
    c.message = fmt::format("{}, valid until {}", facts->subject, format_rfc3339(facts->not_after));
    return c;
}

task<check> exchange_account(ews::exchange& exchange, duration limit)
{
    check c{"exchange", false, {}, {}};
    const auto info = co_await exchange.resolve_account(limit);
    if (info.has_error()) {
        const auto e = info.error();
        c.message = e.fault.message;
        c.advice = advice_for(e.fault.code);
        co_return c;
    }
    c.ok = true;
    c.message = fmt::format("{} {} answers; signed in{}{}", info->product, info->version,
                            info->account_email.empty() ? "" : " as ", info->account_email);
    co_return c;
}

} // namespace relay::doctor
