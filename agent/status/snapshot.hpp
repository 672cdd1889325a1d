// The state of the agent at one moment, as `status`, the status page and the metrics tell it (INTERFACE.md, "Local
// HTTP"). A value; app fills it.
#pragma once

#include "common/error/error.hpp"
#include "common/time/time_source.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace relay::status {

struct snapshot {
    struct agent_part {
        std::string id, name, version;
        utc_time started_at{};
        std::string home = {}; // its data folder (platform::mark_of_folder); empty: not known
    };
    struct link_part {
        std::string state; // connected, connecting, backoff, rejected, stopped
        utc_time since{};  // of this state
        std::string url;
        std::string session; // empty where there is no link
        std::string
            last_error; // of the last failed attempt, also where the link is up again; empty: none so far
        std::uint64_t reconnects = 0;
        std::optional<milliseconds> rtt;
    };
    struct exchange_part {
        std::string state; // ok, unreachable, auth_failed, busy, unknown
        utc_time since{};
        std::string version; // "15.2.1118.7"; empty: not known yet
        std::string product; // "Exchange 2019"
        std::string last_error;
        std::uint64_t in_flight = 0;
    };
    struct queue_part {
        std::int64_t commands = 0, results_unacked = 0;
        std::optional<std::chrono::seconds> oldest; // nothing where nothing waits
        std::int64_t bytes = 0;
        std::int64_t damaged_files = 0;
    };
    struct certificate_part {
        std::string subject;
        utc_time not_after{};
        std::int64_t days_left = 0; // whole days; negative: expired
        bool overdue = false;       // it should have been renewed by now
    };
    struct watches_part {
        std::int64_t count = 0, mailboxes = 0;
    };

    struct log_part {
        std::uint64_t lines_lost = 0; // since the log's settings were taken into use
        std::string trouble;          // why lines cannot be written; empty: they can
    };

    utc_time taken_at{};
    agent_part agent;
    link_part link;
    exchange_part exchange;
    std::optional<queue_part> queue; // nothing where the queue did not answer
    certificate_part certificate;
    watches_part watches;
    log_part log;
};

// `status --json`. What is not known, and a text that is empty, is null.
boost::json::object to_json(const snapshot& s);
// Reads it back, from an agent of this or another version: what is missing is left as it was made.
// Error: errc::protocol_violation where it is no status document at all.
result<snapshot> from_json(const boost::json::value& document);

} // namespace relay::status
