// The cloud's end: a ledger of what it sent and what it holds, links that carry frames late, lose them or go
// dumb, and the rules that everything the agent writes on one link has to keep.
#pragma once

#include "agent/uplink/link.hpp"
#include "common/async/notifier.hpp"
#include "tests/simulation/reference.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace relay::simulation {

class cloud {
public:
    enum class network { up, refuses, hangs, rejects };
    using agent_look = std::function<agent_view(const std::string& id)>; // at one command
    using later = std::function<void(duration, std::function<void()>)>;

    // `agents`: the clock by which the agent's end of a link counts.
    cloud(asio::any_io_executor executor, time_source& time, const time_source& agents, reference& model,
          verdict& v, std::chrono::seconds heartbeat, later l)
        : executor_(executor),
          time_(time),
          agents_clock_(agents),
          model_(model),
          verdict_(v),
          heartbeat_(heartbeat),
          later_(std::move(l))
    {
    }

    // ---- what happens ----
    void send(order o, bool done_elsewhere);
    void repeat(const std::string& id); // the same command again
    void reuse(const std::string& id);  // its id with other content
    void cancel(const std::string& id);
    void drain(milliseconds pause);
    void cut();
    void half_open();
    void weather(network n) { network_ = n; }
    void latency(duration d) { latency_ = d; }
    void withhold(bool yes);
    // Another agent has the command now, and its result.
    void given_away(const std::string& id);
    bool may_give_away(const std::string& id) const;
    // The cloud's database as it is now, to be put back later.
    void keep();
    void put_back();
    // An old copy of a store, of which no new id tells, has lost these: the cloud gives them again after a while.
    void give_again_what_was_forgotten();
    bool sent(const std::string& id) const { return commands_.contains(id); }
    // A command for the event waits to be sent, or for an answer.
    bool waits(const std::string& lane) const;

    // The way in for one agent; once cut off, nothing passes any more.
    class door;
    std::unique_ptr<door> open_door(agent_look look);

    // ---- at the end ----
    bool connected() const noexcept { return current_ != nullptr; }
    bool everything_answered() const;
    // Each write that was accepted has a result.
    bool everything_done() const;
    std::int64_t held() const noexcept { return store_.durable; }
    void check_at_end();
    // The results that repeat() was answered with since the last call: by id.
    std::map<std::string, std::size_t> take_repeats() { return std::exchange(repeated_, {}); }

private:
    struct parcel {
        std::string frame;
        std::string id; // of a command or a cancel
        enum class what { other, command, reuse, cancel } type = what::other;
    };
    // One connection. Shared by the cloud, the agent's link and frames on their way.
    struct wire {
        wire(asio::any_io_executor e, steady_time now, steady_time agents_now)
            : changed(e),
              arrived(agents_now),
              in{now},
              out{now}
        {
        }
        notifier changed;
        std::deque<parcel> to_agent;
        std::optional<uplink::failed> broken;
        bool lost = false;   // what is on its way does not arrive
        bool dead = false;   // the agent is: what it still does on its way out is nobody's business
        bool dumb = false;   // nothing passes any more, and nobody is told
        steady_time arrived; // by the agent's clock
        // What is on its way in one direction: it arrives in the order it left.
        struct road {
            steady_time last; // when the last of it arrives
            int under_way = 0;
        } in, out;
        // The rules.
        bool greeted = false;
        std::int64_t next_seq = 0; // of the stored message that has to come next, once welcome was taken
        std::multiset<std::string> unanswered; // commands taken that want a frame
        std::multiset<std::string> reused;     // ids that want a problem
    };
    using wire_ptr = std::shared_ptr<wire>;
    class link;

    struct sent_command {
        std::string frame;
        std::string other;     // its id with other content
        bool answered = false; // accepted, refused or done: need not be sent again
        std::optional<json::object> result;
        std::int64_t seq = 0;   // of the result, where it had one
        std::string store = {}; // … and whose it is
        bool elsewhere = false; // another agent gave the result
        bool refused = false;
    };
    // What the cloud holds of one store.
    struct ledger {
        std::string id;
        std::int64_t received = 0, durable = 0;
        bool set_back = false; // by a cloud that was put back
    };

    void put(const wire_ptr& w, parcel p);
    void taken(wire& w, const parcel& p, const agent_view& agent);
    void written(wire& w, const std::string& frame);
    void written_result(wire& w, const std::string& id, const json::object& frame, const std::string& raw);
    void send_out(const wire_ptr& w, const std::string& frame);
    void heard(const wire_ptr& w, const std::string& frame);
    void heard_hello(const wire_ptr& w, const json::object& hello);
    void judge_hello(std::int64_t next, std::int64_t unacked);
    void heard_result(const wire_ptr& w, const json::object& result);
    void hang_up(const wire_ptr& w, error_code why);
    void forget(const wire* w);
    void turn_to(const std::string& store);
    void redeliver(const std::string& id);
    bool lacks_result(const std::string& id) const;
    bool holds_result(const sent_command& c) const;
    void pass_on(const wire_ptr& w, wire::road& by, std::function<void()> arrive);

    asio::any_io_executor executor_;
    time_source& time_;
    const time_source& agents_clock_;
    reference& model_;
    verdict& verdict_;
    const std::chrono::seconds heartbeat_;
    const later later_;
    network network_ = network::up;
    duration latency_{0};
    bool withholding_ = false;
    wire_ptr current_;
    std::map<std::string, sent_command> commands_;
    std::vector<std::string> order_;       // in which they were made
    ledger store_;                         // of the store that is connected, or was last
    std::map<std::string, ledger> others_; // of those before it
    std::optional<ledger> kept_;
    std::map<std::string, std::size_t> repeated_;
};

class cloud::door final : public uplink::connector {
public:
    door(cloud& c, agent_look look) : cloud_(c), look_(std::move(look)) {}

    void cut_off();

    task<uplink::outcome<uplink::link_ptr>> connect() override;
    std::string url() const override { return "wss://relay.example/v1/connect"; }

private:
    cloud& cloud_;
    agent_look look_;
    bool cut_off_ = false;
    wire_ptr last_;
};

} // namespace relay::simulation
