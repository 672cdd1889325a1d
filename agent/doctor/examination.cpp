#include "agent/doctor/examination.hpp"

#include "agent/doctor/cloud_checks.hpp"
#include "agent/doctor/exchange_checks.hpp"
#include "agent/doctor/local_files.hpp"
#include "agent/doctor/log_file.hpp"
#include "agent/doctor/mailboxes.hpp"
#include "agent/doctor/policy_rules.hpp"
#include "common/config/enrolment_record.hpp"

#include <algorithm>

namespace relay::doctor {
namespace {

constexpr std::string_view no_settings = "the configuration cannot be used";
constexpr duration longest_request = 30s;

// With whose eyes the rest is looked at, too: a proxy may be named by a variable that only the service has.
check read_configuration(const doctor_input& who)
{
    auto c = configuration(who.config_file, who.mistakes);
    if (!who.variables.empty())
        c.message += "; its variables, proxies among them, are those " + who.variables;
    return c;
}

std::vector<check> local_checks(const doctor_input& who, utc_time now)
{
    const auto& s = *who.settings;
    std::vector<check> checks{read_configuration(who),
                              policy_rules(s.policy, who.mailboxes),
                              file_permissions(s, who.config_file),
                              data_folder(s.agent.data_dir),
                              queue_file(s.agent.data_dir),
                              certificate(who.cloud.files, now)};
    if (!s.log.file.empty()) // behind the data folder
        checks.insert(checks.begin() + 4, log_file(s.log.file));
    return checks;
}

bool ca_told_by_cloud(const config::cloud_settings& c)
{
    const auto record = config::read_enrolment_record(c.certificate_file);
    return record && !record->ca_file.empty() && record->ca_file == c.ca_file && !c.ca_file.empty();
}

// What there is to say where there is no account to sign in with.
std::string missing_for_sign_in(const config::settings& s)
{
    return s.exchange.username.empty() && s.exchange.auth != config::auth_scheme::negotiate
               ? "exchange.username is not set"
               : std::string();
}

task<void> examine_cloud(time_source& time, const doctor_input& who, progress& p)
{
    if (who.settings->cloud.url.empty()) {
        p.end(cloud_checks_not_tried("cloud.url is not set; enrolling tells it (workestra-relay enroll)"));
        co_return;
    }
    p.begin(clock_check); // its answer comes over the whole way, which the other checks then take apart
    auto found = co_await look_at_cloud(time, who.cloud);
    if (not_enrolled(who.cloud.files))
        found.certificate_trouble = "this machine is not enrolled yet (workestra-relay enroll)";
    found.ca_told_by_cloud = ca_told_by_cloud(who.settings->cloud);
    p.end(cloud_checks(found));
}

// Null where Exchange cannot be asked on; `why` says so then.
task<std::unique_ptr<exchange_asker>> examine_exchange(time_source& time, const doctor_input& who,
                                                       progress& p)
{
    p.begin(exchange_connection_check);
    const auto visit = co_await visit_exchange(time, who.exchange);
    p.end(exchange_checks(visit));
    if (const auto missing = missing_for_sign_in(*who.settings); !missing.empty()) {
        p.end(account_checks_not_tried(missing));
        co_return nullptr;
    }
    p.begin(sign_in_check);
    const auto limit = std::min<duration>(longest_request, who.settings->exchange.timeout);
    auto signed_in_as = co_await sign_in(time, who.exchange, who.ews, visit, limit);
    p.end(std::move(signed_in_as.checks));
    co_return std::move(signed_in_as.asker);
}

} // namespace

task<report> examine(time_source& time, doctor_input who, progress::listener listener)
{
    progress p(std::move(listener));
    if (!who.settings) {
        p.end(read_configuration(who));
        for (const std::string_view name :
             {"policy", "file_permissions", "data_folder", "queue_file", "certificate"})
            p.end(not_tried(name, no_settings));
        p.end(cloud_checks_not_tried(no_settings));
        p.end(not_tried(exchange_connection_check, no_settings));
        p.end(not_tried(exchange_tls_check, no_settings));
        p.end(account_checks_not_tried(no_settings));
        for (const auto& m : who.mailboxes)
            mailbox_not_tried(p, m, no_settings);
        co_return p.so_far();
    }
    p.end(local_checks(who, time.utc_now()));
    co_await examine_cloud(time, who, p);

    std::unique_ptr<exchange_asker> exchange;
    std::string_view why = "Exchange cannot be asked as the service account (see above)";
    if (who.settings->exchange.url.empty()) {
        why = "exchange.url is not set";
        p.end(not_tried(exchange_connection_check, why));
        p.end(not_tried(exchange_tls_check, why));
        p.end(account_checks_not_tried(why));
    } else {
        exchange = co_await examine_exchange(time, who, p);
    }
    const auto limit = std::min<duration>(longest_request, who.settings->exchange.timeout);
    for (const auto& m : who.mailboxes) {
        if (exchange)
            co_await examine_mailbox(p, exchange->ews(), m, who.settings->exchange.username, limit);
        else
            mailbox_not_tried(p, m, why);
    }
    co_return p.so_far();
}

} // namespace relay::doctor
