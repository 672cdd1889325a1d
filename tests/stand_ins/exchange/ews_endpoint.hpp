// What stands behind /EWS/Exchange.asmx: sign-in, the fault plan, the operations, the journal, and the counts
// of it all.
#pragma once

#include "common/async/task_group.hpp"
#include "tests/stand_ins/exchange/faults.hpp"
#include "tests/stand_ins/exchange/gatekeeper.hpp"
#include "tests/stand_ins/exchange/habits.hpp"
#include "tests/stand_ins/exchange/journal.hpp"
#include "tests/stand_ins/exchange/ledger.hpp"
#include "tests/stand_ins/exchange/mailbox_store.hpp"
#include "tests/stand_ins/exchange/product.hpp"
#include "tests/stand_ins/exchange/reply.hpp"
#include "tests/stand_ins/exchange/subscriptions.hpp"
#include "tests/stand_ins/exchange/throttling.hpp"
#include "tests/stand_ins/exchange/zones.hpp"

#include <map>

namespace relay::exchange_sim {

struct soap_request;

struct ews_stats {
    std::map<std::string, std::uint64_t> requests;         // by operation, signed-in ones
    std::map<std::string, std::uint64_t> request_versions; // RequestServerVersion of the same
    std::uint64_t round_trips = 0;                         // HTTP requests, signed in or not
    std::uint64_t in_flight = 0, most_in_flight = 0, faults_struck = 0;
};

// What stands before the servers: each request goes to the next one, unless a cookie says where the client was before.
struct balancing {
    unsigned servers = 1; // up to 9
    bool cookie = false;  // clients get one
    unsigned next = 0;
};

struct http_request {
    std::string_view method, target, authorization; // valid until answer() returns
    std::string body;
    affinity_wish affinity{};
    std::string_view id{}; // client-request-id
};

// Loop thread only. The parts it is given outlive it; stop() and await join() before it goes.
class ews_endpoint {
public:
    struct parts {
        const product& server;
        const zone_table& zones;
        mailbox_store& store;
        exchange_sim::ledger& ledger;
        exchange_sim::journal& journal;
        exchange_sim::gatekeeper& gatekeeper;
        time_source& time;
        milliseconds bump_change_keys_after{0}; // 0: never
    };

    ews_endpoint(asio::any_io_executor executor, parts p);

    task<reply> answer(connection_sign_in& connection, http_request request);

    balancing& balancer() noexcept { return balancer_; }
    fault_plan& faults() noexcept { return faults_; }
    exchange_sim::habits& habits() noexcept { return habits_; }
    subscription_desk& desk() noexcept { return desk_; }
    const exchange_sim::throttling& throttling() const noexcept { return throttling_; }
    // Throttles so from now on; its counts and most_in_flight begin anew.
    void start_throttling(const throttling_policy& p);
    const ews_stats& stats() const noexcept { return stats_; }

    void stop() { late_work_.stop(); }
    task<void> join() { return late_work_.join(); }

private:
    struct twist { // of a request that is carried out, but not quite: see operation_context
        std::string failing_mailbox{}, failing_code{};
        milliseconds unseen{0};
        bool unsent = false;
    };
    struct answered {
        std::string id; // client-request-id
        std::string body;
    };
    reply carry_out(soap_request& request, const affinity_wish& affinity, const twist& but);
    task<reply> signed_in(http_request request);
    reply struck(soap_request& request, const http_request& http, const fault& f);
    reply foreign(soap_request& request, const http_request& http, const fault& f);
    reply saved_and_refused(soap_request& request, const http_request& http, const fault& f);
    reply throttled(const soap_request& request, const refusal& why) const;
    task<void> do_late(std::unique_ptr<soap_request> request, milliseconds delay);
    task<void> bump_later(std::vector<std::string> ids);
    task<void> settle(std::size_t writes_before);
    reply unauthorized(std::vector<std::string> challenges) const;

    parts p_;
    subscription_desk desk_;
    fault_plan faults_;
    exchange_sim::habits habits_;
    balancing balancer_;
    exchange_sim::throttling throttling_;
    ews_stats stats_;
    std::map<std::string, answered> last_answers_; // by operation
    task_group late_work_;
};

} // namespace relay::exchange_sim
