// The whole road on one machine: exchange-sim, cloud-sim and the real workestra-relay between them, each a process of
// its own with free ports and folders of its own, so that many worlds run side by side.
#pragma once

#include "tests/support/control.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temporary_folder.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relay::test {

// Keys of agent.toml with their values as TOML writes them: {"exchange.settle_s", "2"}. An empty value leaves a key out.
using configuration = std::map<std::string, std::string>;

struct world_options {
    configuration config;                           // laid over what the world needs
    std::vector<std::string> exchange_arguments;    // to exchange-sim, beside the world's own
    std::vector<std::string> cloud_arguments;       // to cloud-sim serve
    std::map<std::string, std::string> environment; // of the agent
    bool start_agent = true;                        // and wait until it is connected
};

// What exchange-sim's ledger counts.
struct tally {
    int creates = 0, updates = 0, deletes = 0;                  // writes
    int invitations = 0, update_notices = 0, cancellations = 0; // notifications, one a recipient

    friend bool operator==(const tally&, const tally&) = default;
};
std::ostream& operator<<(std::ostream& out, const tally& t);

// The programs of this build.
fs::path exchange_sim_program();
fs::path cloud_sim_program();
fs::path relay_program();

// The folder of the throw-away PKI (certs/README.md), made where it is not there yet. Safe from several processes.
fs::path development_pki();

// Calls `condition` until it holds; false where it did not within `limit` (times slowness()).
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s);

// Mailboxes: host@corp.example (a host; impersonation allowed), user1@ to user9@corp.example, private@corp.example
// (impersonation denied). Everything a call cannot do throws std::runtime_error.
class relay_world {
public:
    explicit relay_world(world_options options = {});
    ~relay_world();

    const fs::path& folder() const noexcept { return folder_.path(); }
    fs::path data_folder() const { return folder() / "data"; }
    fs::path config_file() const { return folder() / "agent.toml"; }

    control& exchange() { return *exchange_control_; }
    control& cloud() { return *cloud_control_; }
    process& agent() { return *agent_; }
    process& exchange_process() { return *exchange_; }
    process& cloud_process() { return *cloud_; }
    const std::string& ews_url() const noexcept { return ews_url_; }
    const std::string& cloud_url() const noexcept { return cloud_url_; }

    // ---- the agent ----
    // Writes agent.toml anew: the world's own keys, the options' and these.
    void configure(const configuration& more = {}) { configure(config_file(), more); }
    void configure(const fs::path& file, const configuration& more);
    // A token of the cloud's is spent: the agent that `file` configures is `agent_id` from now on, with a certificate that
    // neither runs out soon nor is too young for a clock that is days behind. Its cloud.url and files must be unset.
    void enroll(const fs::path& file, const std::string& agent_id);
    // `environment`: of this start, laid over the options'.
    void start_agent(const std::map<std::string, std::string>& environment = {});
    void wait_connected(std::chrono::milliseconds limit = 15s);
    bool connected();
    void kill_agent() { agent_->kill(); }
    // SIGTERM; its exit code, nothing where it does not end in time.
    std::optional<int> stop_agent();
    std::string agent_log() const;
    std::string agent_log_tail(std::size_t bytes = 6000) const;

    // ---- the cloud ----
    void stop_cloud();  // SIGTERM
    void start_cloud(); // with the store and the port it had
    void cut_link() { cloud().post("/link", {{"action", "cut"}}); }

    // ---- commands ----
    // `more`: ttl_ms, id, redelivered. Returns the id.
    std::string send(std::string_view op, std::string_view mailbox, json::object params,
                     json::object more = {});
    // The result frame; throws where there is none in time.
    json::object result(std::string_view id, std::chrono::milliseconds limit = 20s);
    json::object call(std::string_view op, std::string_view mailbox, json::object params,
                      json::object more = {});
    json::object record(std::string_view id); // cloud-sim's, see its README
    bool accepted(std::string_view id);       // waits for it

    // ---- Exchange ----
    void faults(json::array plan) { exchange().put("/faults", std::move(plan)); }
    tally ledger();
    json::array items(std::string_view mailbox, std::string_view folder = "calendar");
    int requests(std::string_view operation); // of that kind since the start

    // ---- verdicts ----
    json::array violations() { return cloud().get("/violations").as_array(); }

private:
    void start_exchange();

    world_options options_;
    temporary_folder folder_;
    fs::path pki_;
    std::string ews_url_, cloud_url_, cloud_listen_;
    std::optional<process> exchange_, cloud_, agent_;
    std::unique_ptr<control> exchange_control_, cloud_control_;
};

// The params of a booking of half an hour with two attendees.
json::object booking(std::string_view event_id, std::string_view start = "2026-12-01T09:00:00Z",
                     std::string_view end = "2026-12-01T09:30:00Z");

// A booking whose subject, place, body and attendee can be found again wherever they should not be: each begins with
// "Planted" or "planted".
json::object planted_booking(std::string_view event_id);

// The code of a result that failed, "ok" of one that did not.
std::string outcome(const json::object& result);

} // namespace relay::test
