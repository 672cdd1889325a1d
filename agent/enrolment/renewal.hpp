// Renews the certificate while the agent runs: in time, in the background, and without dropping the link for it.
#pragma once

#include "agent/enrolment/answer.hpp"
#include "agent/enrolment/cloud_connection.hpp"
#include "agent/enrolment/identity_files.hpp"
#include "common/async/notifier.hpp"
#include "common/time/backoff.hpp"

#include <functional>
#include <random>

namespace spdlog {
class logger;
}

namespace relay::enrolment {

// When to look at the certificate again. Sans-IO.
class renewal_schedule {
public:
    static constexpr duration usual = 1h; // PROTOCOL.md: tried at start and then hourly
    static constexpr duration soonest = 5s;
    // Where nobody answered, as at a start before the network is up, nothing was tried: not an hour is lost for that.
    static constexpr backoff::limits unreached{.first = 30s, .cap = 1h};

    explicit renewal_schedule(std::uint64_t seed) : backoff_(unreached, seed), random_(seed + 1) {}

    // Less than a third of its life is left, or nothing.
    static bool due(const tls::certificate_facts& c, utc_time now);
    // Half of the time for it is over, and 14 days or less are left: something is in its way.
    static bool overdue(const tls::certificate_facts& c, utc_time now);

    // Nothing to do before that: an hour, or until it is due where that is sooner. Spread, so that agents that were
    // enrolled or started together do not come together.
    duration after_rest(const tls::certificate_facts& c, utc_time now);
    duration after_unreached();
    // The cloud or this machine said no, which seldom changes soon: hourly; for a certificate of a day or less more often.
    // Also after a success, so that a cloud that grants too little is not asked without end.
    duration after_refusal(const tls::certificate_facts& c);
    void answered() { backoff_.reset(); }

private:
    duration spread(duration length);
    backoff backoff_;
    std::mt19937_64 random_;
};

// Loop thread only.
class renewal {
public:
    // Runs `work` where it may block, and returns when it is done. Cancelled: `work` may still run, and owns what it uses.
    using off_loop = std::function<task<error_code>(std::function<void()> work)>;
    struct parts {
        time_source& time;
        cloud_connection& road;
        off_loop disk;
        spdlog::logger& log;
        // Told of CAs that the cloud offered and that were not taken. May be empty.
        std::function<void(const std::vector<refused_ca>& refused)> ca_refused = {};
    };
    // What counts now: the files, whom to trust, and who we are.
    struct in_use {
        places files;
        trust_files trust;
        std::string agent_id;
    };

    // What it is told that has a new pair in its places: `trust` says whom to trust from now on.
    using listener = std::function<void(const tls::certificate_facts& facts, const trust_files& trust)>;

    // All of `p` outlives it.
    renewal(const asio::any_io_executor& executor, parts p, in_use now, listener taken, std::uint64_t seed);

    // At once, then as renewal_schedule has it, until the coroutine is cancelled.
    task<void> run();

    // The configuration or the files are others now: looks at once. Loop thread.
    void use(in_use now);

private:
    struct found;
    task<duration> look();
    task<outcome<std::shared_ptr<found>>> read();
    task<outcome<void>> ask(const found& f);
    void tell_refused(const std::vector<refused_ca>& refused);
    task<outcome<void>> take(std::optional<std::string> certificate);
    using disk_work = std::function<outcome<void>(const identity_files&)>;
    task<outcome<void>> on_disk(disk_work work);
    task<duration> trouble(const found* f, failed why);

    parts parts_;
    in_use now_;
    listener taken_;
    renewal_schedule schedule_;
    notifier changed_;
    bool looking_again_ = false;
    std::vector<refused_ca> told_refused_; // the CAs that were told of last
    std::optional<fault> told_;            // the trouble that was logged last
    bool told_expired_ = false;
};

} // namespace relay::enrolment
